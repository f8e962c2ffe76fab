from summary import summarise

STORY = "A door stands between two roads."


def test_a_summary_is_text():
    assert summarise(STORY)
