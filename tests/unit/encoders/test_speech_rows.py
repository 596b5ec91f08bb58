import pytest
import torch

from dfprobe.encoders.hub_models.speech import paired, receptive_field


def test_the_receptive_field_of_the_family():
    kernels, strides = [10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]
    assert receptive_field(kernels, strides) == 400
    assert receptive_field([3], [2]) == 3


@pytest.mark.parametrize("steps, rows", [(1, 1), (2, 1), (49, 25), (99, 50)])
def test_number_of_rows(steps, rows):
    assert paired(torch.zeros(2, steps, 3)).shape == (2, rows, 6)


def test_neighbours_side_by_side_and_the_last_one_twice():
    steps = torch.tensor([[[1, 2], [3, 4], [5, 6]]])
    assert paired(steps).tolist() == [[[1, 2, 3, 4], [5, 6, 5, 6]]]
