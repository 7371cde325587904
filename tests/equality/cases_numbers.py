"""Numbers: their value, how it is written, what is rounded, in percent, in units or left to be calculated."""

from tests.equality.case import Case, Rule

NUMBERS = (
    Rule(
        "Value",
        "Numbers are exact, of any size, and have no tolerance. How a number is written does not count.",
        (
            Case("18", "18.0", "yes yes yes"),
            Case(r"\frac{1}{2}", "0.5", "yes yes yes"),
            Case(r"\dfrac12", "1/2", "yes yes yes"),
            Case(r"\frac{2}{4}", r"\frac{1}{2}", "yes yes yes"),
            Case(r"3\frac{1}{2}", "3.5", "yes yes yes"),
            Case("5.89e-7", r"5.89\times10^{-7}", "yes yes yes"),
            Case("0.000000589", r"5.89\times10^{-7}", "yes yes yes"),
            Case(r"0.\overline{3}", r"\frac{1}{3}", "yes yes yes"),
            Case(r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}", "no no no"),
            Case("0.333", r"\frac{1}{3}", "no no no"),
            Case("102019", "102018", "no no no"),
        ),
    ),
    Rule(
        "Thousands",
        "A comma groups digits where every group but the first has three of them; anywhere else it makes a list.",
        (
            Case("1,234", "1234", "yes yes yes"),
            Case(r"12{,}345{,}678", "12345678", "yes yes yes"),
            Case(r"1\,000", "1000", "yes yes yes"),
            Case("14 {, }916", "14916", "yes yes yes"),
            Case("1,5", "15", "no no no"),
            Case("1,2,3,4", "1234", "no no no"),
        ),
    ),
    Rule(
        "Spelling",
        "Unicode is read as LaTeX is. Spaces, fonts, sizes of brackets and a full stop at the end do not count; a "
        "sign of currency counts under `strict` alone.",
        (
            Case("½", r"\frac{1}{2}", "yes yes yes"),
            Case("−5", "-5", "yes yes yes"),  # noqa: RUF001  # a sign of Unicode
            Case("x²", "x^2", "yes yes yes"),
            Case("2√3", r"2\sqrt{3}", "yes yes yes"),
            Case(r"\left( 1, 2 \right)", "(1,2)", "yes yes yes"),
            Case(r"\mathrm{7}.", "7", "yes yes yes"),
            Case(r"\$20", "20", "yes yes no"),
        ),
    ),
    Rule(
        "Arithmetic left undone",
        "An answer that leaves more arithmetic on constants to the reader than the gold answer does is no answer "
        "under `rl`: a policy could box the question. A fraction that is no integer, a sign, a mixed number, a power "
        "of ten behind a factor and a percentage are numbers, not arithmetic.",
        (
            Case("47+86", "133", "unevaluated yes no"),
            Case("2^8", "256", "unevaluated yes no"),
            Case(r"\binom{10}{3}", "120", "unevaluated yes no"),
            Case(r"\frac{36}{2}", "18", "unevaluated yes no"),
            Case(r"\log_2 8", "3", "unevaluated yes no"),
            Case("5!", "120", "unevaluated yes no"),
            Case(r"\sqrt{16}", "4", "unevaluated yes no"),
            Case(r"\sin 30^\circ", r"\frac{1}{2}", "unevaluated yes no"),
            Case("i^2", "-1", "unevaluated yes no"),
            Case(r"1+\frac12", r"\frac32", "unevaluated yes no"),
            Case("-(-3)", "3", "yes yes yes"),
            Case("2^{10}", "2^{10}", "yes yes yes"),
            Case("1024", "2^{10}", "yes yes yes"),
            Case(r"2\cdot 3^5", "3^5+3^5", "yes yes yes"),
        ),
    ),
    Rule(
        "Rounding",
        "Under `eval`, a longer decimal may round to a decimal gold answer of at least three significant digits, and "
        "a decimal of at least four may stand for an exact value. A gold answer that says itself that it is rough is "
        "met by what rounds to it, from two digits on. A reward is never given for a rounded value.",
        (
            Case("3.14159", "3.14", "no yes no"),
            Case("0.66667", r"\frac{2}{3}", "no yes no"),
            Case(r"\frac{2}{3}", "0.6667", "no yes no"),
            Case("3.1416", r"\pi", "no yes no"),
            Case("3.15", "3.14", "no no no"),
            Case("0.67", r"\frac{2}{3}", "no no no"),
            Case("3.14", "3.14159", "no no no"),
            Case("0.829", r"\approx 0.83", "no yes no"),
            Case("0.84", r"\approx 0.83", "no no no"),
            Case(r"\approx 0.83", "0.829", "no no no"),
        ),
    ),
    Rule(
        "Percent",
        r"`x\%` is x/100. A gold answer with the sign is met by its number without it; the other way round, `rl` takes "
        r"the sign at its word.",
        (
            Case(r"50\%", "0.5", "yes yes no"),
            Case("50", r"50\%", "yes yes no"),
            Case("0.5", r"50\%", "yes yes no"),
            Case(r"50\%", "50", "no yes no"),
            Case(r"50\%", r"50\%", "yes yes yes"),
            Case("100", "1", "no no no"),
        ),
    ),
    Rule(
        "Units",
        "Units of the same kind are converted. A unit may be missing on one side, but no other unit may stand there.",
        (
            Case(r"5\text{ cm}", r"0.05\text{ m}", "yes yes no"),
            Case(r"5\text{ cm}", r"5\text{ cm}", "yes yes yes"),
            Case(r"5\text{ cm}", r"5\text{ m}", "no no no"),
            Case(r"1\text{ m}^2", r"10000\text{ cm}^2", "yes yes no"),
            Case(r"60\text{ km/h}", r"\frac{50}{3}\text{ m/s}", "yes yes no"),
            Case(r"2\text{ hours}", r"120\text{ minutes}", "yes yes no"),
            Case("5", r"5\text{ cm}", "yes yes no"),
            Case(r"5\text{ cm}", "5", "yes yes no"),
            Case(r"12\text{ widgets}", "12", "no yes no"),
            Case(r"5\text{ cm}", r"5\text{ kg}", "no no no"),
        ),
    ),
    Rule(
        "Times of day",
        "Hours, minutes and seconds, on a clock of 24 hours or with a.m. and p.m., which `rl` takes only as the gold "
        "answer has them.",
        (
            Case("20:34", "20:34:00", "yes yes no"),
            Case("8:34 p.m.", "20:34", "no yes no"),
            Case("8:34", "20:34", "no no no"),
            Case("0:60", "1:00", "no no no"),
        ),
    ),
    Rule(
        "Degrees",
        "An angle in degrees is not one in radians where a reward is given.",
        (
            Case(r"90^\circ", "90", "yes yes no"),
            Case(r"90^\circ", r"90\text{ degrees}", "yes yes yes"),
            Case(r"90^\circ", r"\frac{\pi}{2}", "no yes no"),
        ),
    ),
    Rule(
        "Bases",
        "The base of a number counts; `eval` lets it be dropped.",
        (
            Case("4210_5", "4210_{5}", "yes yes yes"),
            Case("4210_5", "4210_6", "no no no"),
            Case("4210", "4210_5", "no yes no"),
        ),
    ),
)
