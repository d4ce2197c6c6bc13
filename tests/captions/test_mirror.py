import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimotion.captions.language import is_english
from bimotion.captions.mirror import mirror_caption, swap_sides

WORDS = st.sampled_from(
    [
        "left",
        "right",
        "clockwise",
        "counterclockwise",
        "Left",
        "RIGHT",
        "leftmost",
        "L arm",
        "wave",
        "upright",
        ".",
    ]
)


@given(st.lists(WORDS))
def test_swapping_twice_gives_the_text_back(words: list[str]) -> None:
    text = " ".join(words)
    assert swap_sides(swap_sides(text)) == text


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("turn left at a right angle, right now", "turn right at a right angle, right now"),
        ("Left hand upright, turns right and anticlockwise", "Right hand upright, turns left and clockwise"),
        ("turns leftward, then rightwards", "turns rightward, then leftwards"),
        ("the leftmost cone, a right-handed throw", "the rightmost cone, a left-handed throw"),
        ("lefts and rights, a lefty", "rights and lefts, a righty"),
        ("raises the L arm and the R. hand", "raises the R arm and the L. hand"),
        ("raises l hand", "raises r hand"),
        ("he is right-handed, the ball is left of him", "he is left-handed, the ball is right of him"),
        ("turns counter-clockwise", "turns clockwise"),
        ("turns anti clockwise", "turns clockwise"),
        ("turns clockwise", "turns counterclockwise"),
        ("steps to the RIGHT", "steps to the LEFT"),
        ("punches with the right before stepping", "punches with the left before stepping"),
        ("turns right before the wall", "turns left before the wall"),
        ("turns left a good quarter", "turns right a good quarter"),
        ("stands upright in bright light", "stands upright in bright light"),
        ("does jumping jacks", "does jumping jacks"),
        ("does a jeté to the left", "does a jeté to the right"),
    ],
)
def test_every_word_that_names_a_side_is_exchanged(text: str, mirrored: str) -> None:
    assert mirror_caption(text) == mirrored


@pytest.mark.parametrize(
    "text",
    [
        "a person left the room",
        "he left",
        "is left standing on one leg",
        "stops right before the wall",
        "plays on the leftwing",
        "turns widdershins",
        "boxes in a southpaw stance",
        "sways from L to R",
        "leans to the port side",
        "nothing is left",
        "she nods: he is right.",
        "eine Person hebt den linken Arm",
        "una persona levanta la mano izquierda",
        "une personne lève le bras gauche",
        "человек машет левой рукой",
        "一个人挥左手",
        "gira a la derecha",
    ],
)
def test_what_cannot_be_exchanged_has_no_mirrored_caption(text: str) -> None:
    assert mirror_caption(text) is None


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("a man waves", True),
        ("jumping jacks", True),
        ("the dancer does a plié", True),
        ("der Mann winkt mit der Hand", False),
        ("persona camina hacia adelante", False),
        ("人が歩く", False),
    ],
)
def test_english_is_known_by_its_frequent_words(text: str, english: bool) -> None:
    assert is_english(text) is english
