"""Capabilities as a key: what is chosen for a model is looked up by them."""

from bedrock_flask.capabilities import Capabilities


def test_equal_capabilities_are_one_key_and_others_another() -> None:
    able = Capabilities(tools=True, efforts=("low", "high"))
    assert hash(able) == hash(Capabilities(tools=True, efforts=("low", "high")))
    assert {able: 1}[Capabilities(tools=True, efforts=("low", "high"))] == 1
    assert able.but(tools=False) not in {able: 1}


def test_a_changed_copy_does_not_keep_the_hash_of_its_original() -> None:
    able = Capabilities()
    assert hash(able) != hash(able.but(cache=True))
