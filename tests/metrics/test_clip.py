from __future__ import annotations

import numpy as np
import pytest
import torch

from pytest_modelqa.errors import OutputError
from pytest_modelqa.metrics.clip import mse_quantile, temporal_error
from pytest_modelqa.metrics.image import mae, ms_ssim, mse, psnr, ssim

CLIPS = torch.rand((2, 6, 3, 5, 16, 16), generator=torch.Generator().manual_seed(0))


def test_temporal_error_is_that_of_the_differences_of_frames() -> None:
    outputs, targets = CLIPS
    x, y = np.diff(outputs.double().numpy(), axis=1), np.diff(targets.double().numpy(), axis=1)
    assert temporal_error(outputs, targets).numpy() == pytest.approx(
        np.abs(x - y).mean((1, 2, 3, 4)), rel=1e-12
    )


def test_a_shift_in_brightness_is_no_temporal_error_and_flicker_is() -> None:
    _, targets = CLIPS.double()
    assert temporal_error(targets + 0.5, targets).max() == pytest.approx(0, abs=1e-15)
    flicker = targets.clone()
    flicker[:, 1] += 0.5
    assert temporal_error(flicker, targets).tolist() == pytest.approx([0.5] * 6)


def test_standing_still_costs_the_mean_change() -> None:
    _, targets = CLIPS
    still = targets[:, :1].expand_as(targets)
    assert temporal_error(still, targets) == pytest.approx(
        targets.double().diff(dim=1).abs().mean((1, 2, 3, 4))
    )


@pytest.mark.parametrize("shape", [(6, 5, 16, 16), (6, 1, 5, 16, 16)])
def test_what_is_no_clip_has_no_temporal_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(OutputError, match="compares clips"):
        temporal_error(torch.zeros(shape), torch.zeros(shape))


def test_nan_stays_nan() -> None:
    outputs = CLIPS[0].clone()
    outputs[2, 1, 0, 0, 0] = torch.nan
    assert temporal_error(outputs, CLIPS[1]).isnan().tolist() == [False, False, True, False, False, False]


def test_one_frame_alone_is_measured_as_an_image() -> None:
    outputs, targets = CLIPS
    for number in (1, 3):
        x, y = outputs[:, number - 1], targets[:, number - 1]
        for metric in (mse, mae):
            assert torch.equal(metric(outputs, targets, frame=number), metric(x, y))
        for measured in (psnr, ssim):
            assert torch.equal(
                measured(outputs, targets, data_range=1.0, frame=number), measured(x, y, data_range=1.0)
            )
    frames = [mse(outputs, targets, frame=number) for number in (1, 2, 3)]
    assert torch.stack(frames).mean(0) == pytest.approx(mse(outputs, targets))
    large = torch.rand((2, 1, 2, 1, 176, 176), generator=torch.Generator().manual_seed(1))
    alone = ms_ssim(large[0][:, 1], large[1][:, 1], data_range=1.0)
    assert torch.equal(ms_ssim(large[0], large[1], data_range=1.0, frame=2), alone)


def test_a_frame_that_is_not_there_is_an_error() -> None:
    outputs, targets = CLIPS
    with pytest.raises(OutputError, match="no frame 4 to measure"):
        mse(outputs, targets, frame=4)
    with pytest.raises(OutputError, match="no frame 1 to measure"):
        psnr(outputs[:, 0], targets[:, 0], data_range=1.0, frame=1)


def test_a_quantile_is_numpys_and_the_last_is_the_worst() -> None:
    errors = np.random.default_rng(0).random(97)
    for quantile in (0.5, 0.95, 1.0):
        found = mse_quantile({"squared_error": errors}, quantile=quantile)
        below = np.mean(errors <= found)
        assert below >= quantile - 1 / 97
        assert np.mean(errors < found) <= quantile
    assert mse_quantile({"squared_error": errors}, quantile=1.0) == errors.max()
    with pytest.raises(OutputError):
        mse_quantile({"squared_error": errors[:0]})
