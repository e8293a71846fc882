"""The vocabulary of the synthetic world: what can be drawn, and the plain values that describe a picture."""

from __future__ import annotations

from dataclasses import dataclass

SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
COLORS = {
    "red": (215, 30, 35),
    "green": (30, 160, 60),
    "blue": (35, 70, 225),
    "yellow": (245, 215, 25),
    "orange": (250, 135, 15),
    "purple": (135, 40, 165),
    "cyan": (40, 205, 220),
    "black": (20, 20, 20),
}
COLOR_NAMES = tuple(COLORS)
PATTERNS = ("plain", "striped", "dotted", "checkered")
CELLS = (
    *("top left", "top center", "top right"),
    *("middle left", "middle center", "middle right"),
    *("bottom left", "bottom center", "bottom right"),
)
DIRECTIONS = ("left", "right", "up", "down")
NUMBERS = ("1", "2", "3", "4", "5", "6")
WORD_LIST = """
acid also arch area army away back ball band bank barn base bath beach bean bear bell belt bird blue boat body
bone book boot born both bowl bread brick brush bus busy cake calm camp card care cat chair chalk city clay clock
cloud coal coat code cold cook cool corn cow cup dance dark data dawn day deep desk dish dog door down draw dream
drum dry duck dust each earth east easy edge egg even exit eye face fact farm fast field film fine fire fish flag
flat floor fog food foot fork four fox free frog fruit game gate gift glad glass goat gold good grain grape grass
hair half hand happy hat heat help high hill home honey hope horse hot hour house ice idea iron island jam jar
join jump keep key kind king kite lake lamp land late lead leaf lemon life light lion list long lunch map mark
mask meal metal mile milk mind mint month moon music nail name near neck nest night noon north note ocean oil
olive open oven page paint palm paper park path peach pen pear piano pilot pink plan plant plum pond pool port
rain rice ring river road rock roof room rope rose salt sand seat seed ship shoe shop sign silk sky snow soap
song soup south spoon stone sugar sun table tail tea tent tiger time toast town toy train tree truck two van
view wall warm water wave west wheat wind wing wolf wood wool yard year zebra zoo
"""
WORDS = tuple(WORD_LIST.split())
DRAWN_WORDS = tuple(word for word in WORDS if 3 <= len(word) <= 5)


@dataclass(frozen=True)
class Shape:
    """One filled shape; `x`, `y` (its centre) and `size` are fractions of the picture's width."""

    name: str
    color: str
    x: float
    y: float
    size: float
    rgb: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Word:
    """A word in capitals, centred on `x`, `y`; `size` is the height of its font as a fraction of the width."""

    text: str
    color: str
    x: float
    y: float
    size: float


@dataclass(frozen=True)
class Scene:
    """A picture: painted in the order background pattern, bars, shapes, words, hidden quarter."""

    shapes: tuple[Shape, ...] = ()
    words: tuple[Word, ...] = ()
    bars: tuple[tuple[str, float], ...] = ()
    pattern: str = "plain"
    paper: tuple[int, int, int] = (250, 250, 250)
    hidden: int | None = None


def cell_of(shape: Shape) -> str:
    """Name of the cell of the three-by-three grid that holds the shape's centre."""
    return CELLS[min(2, int(shape.y * 3)) * 3 + min(2, int(shape.x * 3))]
