import numpy as np
import pytest

from dfprobe.encoders.wav2vec2 import paired, receptive_field


def test_the_receptive_field_of_the_family():
    kernels, strides = [10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]
    assert receptive_field(kernels, strides) == 400
    assert receptive_field([3], [2]) == 3


@pytest.mark.parametrize("steps, rows", [(1, 1), (2, 1), (49, 25), (99, 50)])
def test_number_of_rows(steps, rows):
    assert paired(np.zeros((steps, 3))).shape == (rows, 6)


def test_neighbours_side_by_side_and_the_last_one_twice():
    steps = np.array([[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(paired(steps), [[1, 2, 3, 4], [5, 6, 5, 6]])
