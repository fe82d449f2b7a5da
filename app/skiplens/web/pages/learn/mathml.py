"""Formulas as MathML, drawn from the expressions that are computed."""

from collections.abc import Iterator, Mapping
from typing import Final

from markupsafe import Markup

from skiplens.core.two_layer_network import Applied, Expression, Product, Sum, Symbol, Via

_INVISIBLE_TIMES: Final = Markup("<mo>\N{INVISIBLE TIMES}</mo>")
_DOT: Final = Markup("<mo>\N{DOT OPERATOR}</mo>")
_PLUS: Final = Markup("<mo>+</mo>")
# As high as a letter: what is inside has one line, and some fonts make them twice as high.
_OPEN: Final = Markup('<mo stretchy="false">(</mo>')
_CLOSE: Final = Markup('<mo stretchy="false">)</mo>')
_PARTIAL: Final = Markup("<mi>\N{PARTIAL DIFFERENTIAL}</mi>")


def symbol(name: str) -> Markup:
    """A symbol; digits at the end of its name are an index."""
    letters = name.rstrip("0123456789")
    if letters == name:
        return Markup("<mi>{}</mi>").format(name)
    return Markup("<msub><mi>{}</mi><mn>{}</mn></msub>").format(letters, name[len(letters) :])


def partial(of: str, by: str) -> Markup:
    """The partial derivative of one symbol by another, as a fraction."""
    over, under = (Markup("<mrow>{}{}</mrow>").format(_PARTIAL, symbol(one)) for one in (of, by))
    return Markup("<mfrac>{}{}</mfrac>").format(over, under)


def draw(expression: Expression) -> Markup:
    """An expression in symbols; each route of a residual layer in its colour."""
    match expression:
        case Symbol(name):
            return symbol(name)
        case Applied(argument, derivative):
            name = (
                Markup("<msup><mi>f</mi><mo>\N{PRIME}</mo></msup>")
                if derivative
                else Markup("<mi>f</mi>")
            )
            inside = _OPEN + draw(argument) + _CLOSE
            return Markup("<mrow>{}<mo>\N{FUNCTION APPLICATION}</mo>{}</mrow>").format(name, inside)
        case Product(factors):
            simple = all(isinstance(factor, Symbol) for factor in factors)
            return _joined(map(draw, factors), _INVISIBLE_TIMES if simple else _DOT)
        case Sum(terms):
            return _joined(map(draw, terms), _PLUS)
        case Via(route, term):
            return Markup('<mrow class="{}">{}</mrow>').format(route, draw(term))


def key(expression: Expression) -> str:
    """The expression as one line of text, which tells it from others: ``f'(w2 h)``."""
    match expression:
        case Symbol(name):
            return name
        case Applied(argument, derivative):
            return f"f{chr(39) if derivative else ''}({key(argument)})"
        case Product(factors):
            return " ".join(map(key, factors))
        case Sum(terms):
            return " + ".join(map(key, terms))
        case Via(_, term):
            return key(term)


def parts(expression: Expression) -> Iterator[Expression]:
    """What is a number of its own where an expression is written with numbers."""
    match expression:
        case Product(inner) | Sum(inner):
            for one in inner:
                yield from parts(one)
        case Via(_, term):
            yield from parts(term)
        case _:
            yield expression


def draw_numbers(expression: Expression, texts: Mapping[str, str]) -> Markup:
    """The same with the number of each of its :func:`parts`.

    Args:
        expression: what to draw.
        texts: numbers by :func:`key`; each element has its key as ``data-number``.
    """

    def drawn(one: Expression) -> Markup:
        match one:
            case Product(factors):
                return _joined(map(drawn, factors), _DOT)
            case Sum(terms):
                return _joined(map(drawn, terms), _PLUS)
            case Via(route, term):
                return Markup('<mrow class="{}">{}</mrow>').format(route, drawn(term))
            case _:
                return number(key(one), texts)

    return drawn(expression)


def number(name: str, texts: Mapping[str, str]) -> Markup:
    """A number that follows what is dragged."""
    return Markup('<mn data-number="{}">{}</mn>').format(name, texts[name])


def equation(*sides: Markup) -> Markup:
    """Sides with equals signs between them, as a formula of its own line."""
    joined = _joined(iter(sides), Markup("<mo>=</mo>"))
    return Markup('<math display="block">{}</math>').format(joined)


def _joined(drawn: Iterator[Markup], sign: Markup) -> Markup:
    return Markup("<mrow>{}</mrow>").format(sign.join(drawn))


def _of_x(name: str) -> Markup:
    return Markup("<mi>{}</mi>{}<mi>x</mi>{}").format(name, _OPEN, _CLOSE)


HIGHWAY: Final = equation(
    symbol("y"),
    Markup('<mrow class="residual">{}{}{}</mrow>{}').format(_of_x("T"), _DOT, _of_x("F"), _PLUS)
    + Markup(
        '<mrow class="identity">{}<mn>1</mn><mo>\N{MINUS SIGN}</mo>{}{}{}<mi>x</mi></mrow>'
    ).format(_OPEN, _of_x("T"), _CLOSE, _DOT),
)
"""What a highway block computes: ``T(x) F(x) + (1 - T(x)) x`` (Srivastava et al. 2015)."""
