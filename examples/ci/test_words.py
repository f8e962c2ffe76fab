from summary import summarise

STORY = "A door stands between two roads."


def test_the_words_of_the_model_come_back(bedrock):
    bedrock.reply("A door parts two roads.")

    assert summarise(STORY) == "A door parts two roads."


def test_the_model_is_asked_for_one_sentence(bedrock):
    summarise(STORY)

    [request] = bedrock.requests()
    assert (request.operation, request.model) == ("Converse", "amazon.nova-lite-v1:0")
    body = request.json()
    assert body["messages"][0]["content"] == [{"text": f"Summarise this in one sentence: {STORY}"}]
    assert body["inferenceConfig"] == {"maxTokens": 100}
