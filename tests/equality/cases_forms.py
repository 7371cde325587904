"""What is more than a number: expressions, equations, intervals, sets, tuples, several values."""

from tests.equality.case import Case, Rule

FORMS = (
    Rule(
        "Expressions",
        "Two expressions are the same if they have one normal form, or if their values agree to 60 digits: with "
        "variables, at negative and complex points too. Under `strict` the normal form alone counts.",
        (
            Case("(x+1)(x-1)", "x^2-1", "yes yes yes"),
            Case(r"\frac{1}{\sqrt{2}}", r"\frac{\sqrt{2}}{2}", "yes yes yes"),
            Case(r"\sqrt{8}", r"2\sqrt{2}", "yes yes yes"),
            Case(r"\frac{x^2-1}{x-1}", "x+1", "yes yes no"),
            Case(r"\sin^2 x + \cos^2 x + y", "y+1", "yes yes yes"),
            Case(r"\ln 8", r"3\ln 2", "yes yes yes"),
            Case("|x|", "x", "no no no"),
            Case(r"e^{\pi\sqrt{163}}", "262537412640768744", "no no no"),
            Case(r"\sqrt{-4}", "2i", "yes yes yes"),
        ),
    ),
    Rule(
        "Left sides",
        "A left side may be added where the gold answer has none, and dropped where it has one. In a chain of equal "
        "members every member has to be right under `rl`, the last one under `eval`.",
        (
            Case("x = 5", "5", "yes yes no"),
            Case("5", "x = 5", "yes yes no"),
            Case("f(x) = x^2", "x^2", "yes yes no"),
            Case("y = x^2", "y = x^2", "yes yes yes"),
            Case("a = 5", "b = 5", "no yes no"),
            Case(r"\frac{10}{2} = 5", "5", "yes yes no"),
            Case("4 = 5", "5", "no yes no"),
        ),
    ),
    Rule(
        "Equations",
        "Two equations are the same if their differences are, up to a constant factor.",
        (
            Case("2x + 4y = 6", "x + 2y = 3", "yes yes no"),
            Case("y = 2x + 1", "2x - y + 1 = 0", "yes yes no"),
            Case("y = 2x + 1", "y = 2x - 1", "no no no"),
            Case("x = x", "x = 5", "no no no"),
            Case("0 = 0", "x = 5", "no no no"),
        ),
    ),
    Rule(
        "Inequalities and intervals",
        "An inequality, its interval and its set-builder are the same set. Brackets and the order of the ends count.",
        (
            Case("x > 3", r"(3, \infty)", "yes yes no"),
            Case(r"(-\infty, -5)", "k < -5", "yes yes no"),
            Case(r"\{x \mid x \ge 3\}", r"[3, \infty)", "yes yes no"),
            Case(r"\{x \mid x > 3\}", r"[3, \infty)", "no no no"),
            Case("2 < x < 5", "(2, 5)", "yes yes no"),
            Case(r"x \in [2, 5]", "[2, 5]", "yes yes no"),
            Case("x > 3", r"x \geqslant 3", "no no no"),
            Case("(a, b]", "(a, b)", "no no no"),
            Case("[1, 2]", "[2, 1]", "no no no"),
            Case("(1,2) or (3,4)", r"(1,2) \cup (3,4)", "no no no"),
            Case(r"x < 1 \text{ or } x > 3", r"(-\infty,1) \cup (3,\infty)", "yes yes no"),
            Case(r"(3,4) \cup (1,2)", r"(1,2) \cup (3,4)", "yes yes yes"),
            Case(r"\mathbb{R}", r"(-\infty, \infty)", "yes yes no"),
        ),
    ),
    Rule(
        "Sets and lists",
        "They have no order; equal members count once. Braces may be left out. `\\pm` stands for both values.",
        (
            Case(r"\{3, 1, 2\}", r"\{1, 2, 3\}", "yes yes yes"),
            Case("2, 1", "1, 2", "yes yes yes"),
            Case("1, 2", r"\{1, 2\}", "yes yes no"),
            Case(r"1 \text{ and } 2", "1, 2", "yes yes yes"),
            Case(r"\pm 3", "3, -3", "yes yes yes"),
            Case("x = 3, x = -3", "-3, 3", "yes yes no"),
            Case(r"\{1, 1, 2\}", r"\{1, 2\}", "yes yes yes"),
            Case("1", "1, 2", "no no no"),
            Case("(2,1), (1,2)", "(1,2), (2,1)", "yes yes yes"),
            Case("(2,1)", "(1,2)", "no no no"),
            Case(r"2+\sqrt{3}, 2-\sqrt{3}", r"2 \pm \sqrt{3}", "yes yes yes"),
        ),
    ),
    Rule(
        "Tuples, vectors and matrices",
        "They are compared entry by entry, and their shape counts. A tuple is a row; `eval` takes it as a column too.",
        (
            Case("(1, 2)", r"(\frac{2}{2}, 2)", "yes yes yes"),
            Case("(1, 2)", r"\begin{pmatrix} 1 & 2 \end{pmatrix}", "yes yes no"),
            Case("(1, 2)", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "no yes no"),
            Case(
                r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}",
                r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
                "yes yes yes",
            ),
            Case(
                r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
                r"\begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}",
                "no no no",
            ),
        ),
    ),
    Rule(
        "Order against names, other names",
        "`eval` takes values in the order of the names that the gold answer gives, a function whose variable has "
        "another name, and a ratio as a fraction.",
        (
            Case("(1, 2)", "x = 1, y = 2", "no yes no"),
            Case("f(t) = t^2 + 1", "f(x) = x^2 + 1", "no yes no"),
            Case("t^2 + 1", "x^2 + 1", "no no no"),
            Case("5:8", r"\frac{5}{8}", "no yes no"),
            Case("5:8", "5:8", "yes yes yes"),
        ),
    ),
)
