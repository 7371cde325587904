import torch

from twogrpo.generate.protocol import SamplingParams
from twogrpo.generate.rows import LiveRows, Moves

STOP = 1
GREEDY = SamplingParams(3, temperature=0)


def _logits(tokens):
    return torch.nn.functional.one_hot(torch.tensor(tokens), 6).float() * 50


def _rows(count):
    return LiveRows(torch.zeros(count, 3), torch.arange(6) == STOP)


def test_live_rows_from_the_end_fill_the_places_of_finished_ones():
    moves = Moves(holes=torch.tensor([0, 2]), movers=torch.tensor([3, 5]), kept=4)
    assert moves.apply(torch.tensor([10, 11, 12, 13, 14, 15])).tolist() == [13, 11, 15, 13]


def test_a_batch_shrinks_to_its_live_rows():
    rows = _rows(5)
    tokens_B = rows.draw(0, _logits([1, 2, 1, 3, 4]), GREEDY)
    assert rows.count_live() == 3
    moves = rows.compact(3)
    assert len(rows) == 3
    assert sorted(moves.apply(tokens_B).tolist()) == [2, 3, 4]


def test_rows_come_back_in_their_first_order():
    rows = _rows(4)
    tokens_B = rows.draw(0, _logits([1, 2, 3, 4]), GREEDY)
    going_on = rows.compact(3).apply(tokens_B)
    rows.draw(1, _logits([5 if token == 4 else 1 for token in going_on.tolist()]), GREEDY)
    rows.draw(2, _logits([1, 1, 1]), GREEDY)
    generation = rows.finish()
    assert generation.response_ids == [[1], [2, 1], [3, 1], [4, 5, 1]]
    assert generation.finish_reasons == ["stop"] * 4
