"""Which family a body looks like is found without reading all of its members once more for each family."""

from bedrock_flask.errors import FieldError
from bedrock_flask.models.foreign_bodies import find_likeness
from bedrock_flask.models.loading import load_registry
from tests.translation.steps import count_steps

REGISTRY = load_registry()


def test_a_body_of_very_many_members_is_compared_soon() -> None:
    adapter, body = REGISTRY.adapters["nova"], {f"k{number}": 1 for number in range(20_000)}
    body |= {"prompt": "Hi", "max_gen_len": 9}
    refusal: list[FieldError] = []
    checking = count_steps(lambda: refusal.extend(adapter.find_faults(body)))
    comparing = count_steps(lambda: find_likeness(REGISTRY, adapter, body, refusal))
    assert comparing < checking
    likeness = find_likeness(REGISTRY, adapter, body, refusal)
    assert likeness is not None
    assert (likeness.families, likeness.members) == (("llama",), ("max_gen_len", "prompt"))
