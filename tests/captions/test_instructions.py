from bimotion.captions.instructions import MotionWords, fill, fill_pair, own_templates, select


def test_placeholders_are_filled_without_quotes_and_with_fractions() -> None:
    text = fill(
        "<Caption_Placeholder> in <Frame_Placeholder> frames, <Second_Placeholder> s",
        caption="hop.",
        num_frames=98,
    )
    assert text == "hop. in 98 frames, 4.9 s"


def test_a_masked_motion_is_two_motions_with_a_gap() -> None:
    pair = ("Complete: <Motion_Placeholder_Masked>", "<Motion_Placeholder>")
    words = MotionWords(context="IN", target="OUT", gap="MASK")
    assert fill_pair(pair, words, caption="", num_frames=1) == ("Complete: INMASKIN", "OUT")


def test_every_task_can_be_asked_for_in_fifteen_ways_or_more() -> None:
    templates = own_templates()
    assert {template.task for template in templates} == {
        "t2m",
        "m2t",
        "predict",
        "inbetween",
        "t2t",
        "n2m",
        "n2t",
    }
    for template in templates:
        assert len(set(template.inputs)) == len(template.inputs) >= 15
    assert select(templates, "t2m")[0].inputs[0] == "Generate motion: <Caption_Placeholder>"
