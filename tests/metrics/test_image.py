"""Image metrics agree with scikit-image, also on degenerate images, and refuse what is no image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data
from skimage.measure import block_reduce
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from pytest_modelqa.errors import OutputError
from pytest_modelqa.metrics.image import mae, ms_ssim, mse, psnr, ssim


def reference_ssim(x: np.ndarray, y: np.ndarray, data_range: float, sigma: float = 1.5) -> float:
    return float(
        structural_similarity(
            x.astype(np.float64),
            y.astype(np.float64),
            data_range=data_range,
            gaussian_weights=True,
            sigma=sigma,
            use_sample_covariance=False,
            channel_axis=0 if x.ndim == 3 else None,
        )
    )


def real_images() -> list[tuple[str, np.ndarray]]:
    return [
        ("astronaut", data.astronaut()[40:200, 60:230].transpose(2, 0, 1)),
        ("coffee", data.coffee()[100:203, 100:311].transpose(2, 0, 1)),
        ("camera", data.camera()[None, 100:260, 100:260]),
        ("page", data.page()[None, :120, :200]),
        ("horse", (data.horse()[None, ::2, ::2] * 255).astype(np.uint8)),
    ]


@pytest.mark.parametrize(
    ("name", "image"), real_images(), ids=lambda value: value if isinstance(value, str) else ""
)
@pytest.mark.parametrize("noise", [1.0, 12.0, 80.0])
def test_real_images_score_as_in_scikit_image(name: str, image: np.ndarray, noise: float) -> None:
    random = np.random.default_rng(len(name))
    noisy = np.clip(image + random.normal(0, noise, image.shape), 0, 255).round()
    x = torch.from_numpy(noisy / 255).float()[None]
    y = torch.from_numpy(image / 255).float()[None]
    a, b = x[0].double().numpy(), y[0].double().numpy()

    assert psnr(x, y, data_range=1.0).item() == pytest.approx(
        peak_signal_noise_ratio(b, a, data_range=1.0), abs=1e-6
    )
    assert ssim(x, y, data_range=1.0).item() == pytest.approx(reference_ssim(b, a, 1.0), abs=1e-6)
    assert mse(x, y).item() == pytest.approx(mean_squared_error(b, a), rel=1e-6)
    assert mae(x, y).item() == pytest.approx(np.abs(a - b).mean(), rel=1e-6)


def test_bytes_score_with_a_range_of_255_as_fractions_with_a_range_of_1() -> None:
    y = torch.from_numpy(data.camera()[None, :100, :100].copy())
    x = torch.from_numpy(255 - data.camera()[None, :100, :100])

    assert psnr(x, y, data_range=255.0).item() == pytest.approx(
        peak_signal_noise_ratio(y[0].numpy(), x[0].numpy(), data_range=255), abs=1e-6
    )
    assert ssim(x, y, data_range=255.0).item() == pytest.approx(
        ssim(x.double() / 255, y.double() / 255, data_range=1.0).item(), abs=1e-5
    )


images = st.tuples(
    st.integers(1, 3), st.integers(11, 70), st.integers(11, 70), st.integers(0, 2**32 - 1), st.floats(0, 1)
)


@settings(max_examples=40)
@given(images)
def test_ssim_agrees_with_scikit_image_on_any_shape_and_on_flat_regions(
    case: tuple[int, int, int, int, float],
) -> None:
    channels, height, width, seed, level = case
    random = np.random.default_rng(seed)
    y = random.random((channels, height, width)).astype(np.float32)
    y[:, : height // 2] = level
    x = np.clip(y + random.normal(0, 0.1 * random.random(), y.shape), 0, 1).astype(np.float32)
    x[:, :, : width // 2] = random.random()

    a, b = torch.from_numpy(x)[None], torch.from_numpy(y)[None]

    # Of flat regions of different brightness float32 leaves few digits.
    assert ssim(a, b, data_range=1.0).item() == pytest.approx(reference_ssim(x, y, 1.0), abs=3e-5)
    assert ssim(a.double(), b.double(), data_range=1.0).item() == pytest.approx(
        reference_ssim(x, y, 1.0), abs=1e-12
    )


@pytest.mark.parametrize("offset", [0.0, 1000.0, -300.0])
def test_data_far_from_zero_score_as_in_scikit_image(offset: float) -> None:
    clean = data.camera()[None, :64, :70] / 255.0
    noisy = clean + np.random.default_rng(0).normal(0, 0.05, clean.shape)
    x, y = (torch.from_numpy(image + offset).float()[None] for image in (noisy, clean))

    expected = reference_ssim(y[0].double().numpy(), x[0].double().numpy(), 1.0)

    assert ssim(x, y, data_range=1.0).item() == pytest.approx(expected, abs=1e-6)


def test_an_image_of_wild_values_leaves_the_others_of_its_batch_alone() -> None:
    y = torch.rand(3, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    x = (y + 0.1).clamp(0, 1)
    wild = torch.cat([x[:2], 1e6 * x[2:]])

    scores, alone = ssim(wild, y, data_range=1.0), ssim(x, y, data_range=1.0)

    assert scores[:2].tolist() == alone[:2].tolist()
    expected = reference_ssim(y[2].double().numpy(), wild[2].double().numpy(), 1.0)
    assert scores[2].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("size", [1e-20, 1e25])
def test_errors_too_small_or_large_to_be_squared_in_float32_are_measured(size: float) -> None:
    y = torch.zeros(2, 1, 16, 16)
    x = torch.stack([torch.full((1, 16, 16), size), torch.full((1, 16, 16), 0.5)])

    assert mse(x, y).tolist() == pytest.approx([size**2, 0.25], rel=1e-6)
    assert psnr(x, y, data_range=size)[0].item() == pytest.approx(0.0, abs=1e-5)


def test_ssim_in_strips_and_tiles_is_ssim_of_the_whole() -> None:
    random = np.random.default_rng(3)
    y = random.random((2, 3, 130, 211))
    x = y + random.normal(0, 0.2, y.shape)

    ours = ssim(torch.from_numpy(x), torch.from_numpy(y), data_range=1.0)

    for index in range(2):
        assert ours[index].item() == pytest.approx(reference_ssim(y[index], x[index], 1.0), abs=1e-12)


@pytest.mark.parametrize(("window_size", "sigma"), [(5, 0.5), (7, 0.8), (9, 1.1), (15, 2.0)])
def test_a_smaller_window_is_scikit_images_window_of_that_sigma(window_size: int, sigma: float) -> None:
    # scikit-image cuts its Gaussian at 3.5 sigma: sigma 0.8 makes 7 pixels.
    y = data.camera()[None, 60:90, 60:95] / 255.0
    x = np.roll(y, 2, axis=2)

    ours = ssim(
        torch.from_numpy(x)[None],
        torch.from_numpy(y)[None],
        data_range=1.0,
        window_size=window_size,
        sigma=sigma,
    )

    assert ours.item() == pytest.approx(reference_ssim(y[0], x[0], 1.0, sigma), abs=1e-9)


def test_a_window_cut_short_of_sigma_is_normalised() -> None:
    random = np.random.default_rng(0)
    x, y = random.random((2, 8, 8))
    offsets = np.arange(-3, 4)
    window = np.exp(-0.5 * (offsets[:, None] ** 2 + offsets[None] ** 2) / 1.5**2)
    window /= window.sum()

    def mean(image: np.ndarray) -> np.ndarray:
        inside: np.ndarray = scipy.ndimage.correlate(image, window)[3:-3, 3:-3]
        return inside

    ux, uy = mean(x), mean(y)
    covariance, both = mean(x * y) - ux * uy, mean(x * x) + mean(y * y) - ux**2 - uy**2
    expected = ((2 * ux * uy + 1e-4) * (2 * covariance + 9e-4)) / ((ux**2 + uy**2 + 1e-4) * (both + 9e-4))

    ours = ssim(
        torch.from_numpy(x)[None], torch.from_numpy(y)[None], data_range=1.0, window_size=7, sigma=1.5
    )

    assert ours.item() == pytest.approx(expected.mean(), abs=1e-12)


def test_the_dataset_value_is_the_mean_of_the_images_values_not_the_value_of_the_mean_error() -> None:
    y = torch.zeros(2, 1, 16, 16)
    x = torch.stack([torch.full((1, 16, 16), 0.1), torch.full((1, 16, 16), 0.001)])

    assert psnr(x, y, data_range=1.0).tolist() == pytest.approx([20.0, 60.0], abs=1e-5)


@pytest.mark.parametrize(
    "metric", [mse, mae, lambda x, y: psnr(x, y, data_range=1.0), lambda x, y: ssim(x, y, data_range=1.0)]
)
def test_a_clip_scores_the_mean_of_its_frames(metric: Callable[..., Any]) -> None:
    random = np.random.default_rng(1)
    y = torch.from_numpy(random.random((2, 5, 3, 16, 20)))
    x = y + torch.from_numpy(random.normal(0, 1, y.shape)) * torch.linspace(0.01, 0.5, 5).view(1, 5, 1, 1, 1)

    clips = metric(x, y)
    frames = metric(x.flatten(0, 1), y.flatten(0, 1))

    assert clips.tolist() == pytest.approx(frames.view(2, 5).mean(1).tolist(), abs=1e-12)


def test_images_without_a_channel_axis_score_as_with_one() -> None:
    y = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    x = y.flip(0)

    assert ssim(x, y, data_range=1.0).tolist() == ssim(x[:, None], y[:, None], data_range=1.0).tolist()
    assert psnr(x, y, data_range=1.0).tolist() == psnr(x[:, None], y[:, None], data_range=1.0).tolist()


@pytest.mark.parametrize("level", [0.0, 0.7, 1.0])
def test_identical_images_reach_the_cap_and_one(level: float) -> None:
    image = torch.full((1, 1, 16, 16), level)

    assert psnr(image, image, data_range=1.0).item() == 60.0
    assert psnr(image, image, data_range=1.0, cap=50.0).item() == 50.0
    assert ssim(image, image, data_range=1.0).item() == pytest.approx(1.0, abs=1e-12)
    assert (mse(image, image).item(), mae(image, image).item()) == (0.0, 0.0)


def test_a_better_image_than_the_cap_counts_as_the_cap() -> None:
    assert psnr(torch.full((1, 4, 4), 1e-4), torch.zeros(1, 4, 4), data_range=1.0, cap=50.0).item() == 50.0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_no_number_gives_no_plausible_score(bad: float) -> None:
    y = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    x = y.clone()
    x[0, 0, 3, 3] = bad

    for scores in (psnr(x, y, data_range=1.0), ssim(x, y, data_range=1.0), mse(x, y), mae(x, y)):
        assert not np.isfinite(scores[0].item())
        assert np.isfinite(scores[1].item())


def test_half_precision_is_scored_without_overflow() -> None:
    y = torch.zeros(1, 16, 16, dtype=torch.float16)
    x = torch.full((1, 16, 16), 255.0, dtype=torch.float16)

    assert mse(x, y).item() == 65025.0
    assert psnr(x, y, data_range=255.0).item() == pytest.approx(0.0, abs=1e-9)


def test_inputs_are_left_as_they_were() -> None:
    x, y = torch.rand(2, 2, 1, 16, 16, generator=torch.Generator().manual_seed(0)).double()
    before = x.clone(), y.clone()

    ssim(x, y, data_range=1.0), psnr(x, y, data_range=1.0), mse(x, y), mae(x, y)

    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])


def test_an_image_smaller_than_the_window_is_refused_with_what_to_write() -> None:
    image = torch.zeros(1, 1, 8, 8)

    with pytest.raises(OutputError, match="8×8 pixels are too small for ssim") as error:
        ssim(image, image, data_range=1.0)

    assert error.value.expected == "at least 11×11 pixels, in arrays with the channels before them"
    assert "window_size: 7" in (error.value.todo or "")


def test_channels_last_are_refused_by_ssim() -> None:
    image = torch.zeros(1, 32, 32, 3)

    with pytest.raises(OutputError, match="32×3 pixels are too small") as error:
        ssim(image, image, data_range=1.0)

    assert "channels before them" in (error.value.expected or "")


def test_other_shapes_are_refused_with_both_shapes() -> None:
    with pytest.raises(OutputError, match="not of the targets' shape") as error:
        psnr(torch.zeros(2, 1, 8, 8), torch.zeros(2, 1, 8, 9), data_range=1.0)

    assert error.value.expected == "outputs of shape (2, 1, 8, 9), as the targets"
    assert error.value.found == "outputs of shape (2, 1, 8, 8)"


@pytest.mark.parametrize("shape", [(4, 4), (2, 0, 4, 4), (1, 1, 1, 1, 1, 1)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(OutputError, match="the outputs are not images"):
        mse(torch.zeros(shape), torch.zeros(shape))


def plain_ms_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Wang, Simoncelli and Bovik's equation 7 for one plane in 0..1, with scipy's filter."""

    def mean(image: np.ndarray) -> np.ndarray:
        blurred: np.ndarray = scipy.ndimage.gaussian_filter(image, 1.5, truncate=3.5)[5:-5, 5:-5]
        return blurred

    product = 1.0
    for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        ux, uy = mean(x), mean(y)
        structure = (2 * (mean(x * y) - ux * uy) + 9e-4) / (mean(x * x) - ux**2 + mean(y * y) - uy**2 + 9e-4)
        luminance = (2 * ux * uy + 1e-4) / (ux**2 + uy**2 + 1e-4)
        factor = (luminance * structure if scale == 4 else structure).mean()
        product *= max(factor, 0.0) ** weight
        x, y = (block_reduce(image, (2, 2), np.mean) for image in (x, y))
    return product


@pytest.mark.parametrize("noise", [0.01, 0.1, 1.0])
def test_ms_ssim_is_its_formula_on_every_scale(noise: float) -> None:
    y = data.camera()[:192, 100:308] / 255.0
    x = y + np.random.default_rng(0).normal(0, noise, y.shape)

    ours = ms_ssim(torch.from_numpy(x)[None], torch.from_numpy(y)[None], data_range=1.0)

    assert ours.item() == pytest.approx(plain_ms_ssim(x, y), abs=1e-9)


def test_ms_ssim_of_colours_is_the_mean_of_the_channels() -> None:
    y = torch.from_numpy(data.astronaut()[:176, :200].transpose(2, 0, 1) / 255.0)
    x = y.roll(3, 2)

    alone = [ms_ssim(x[i : i + 1], y[i : i + 1], data_range=1.0).item() for i in range(3)]

    assert ms_ssim(x[None], y[None], data_range=1.0).item() == pytest.approx(np.mean(alone), abs=1e-12)


def test_ms_ssim_of_an_inverted_image_is_zero_and_not_undefined() -> None:
    y = torch.from_numpy(data.camera()[None, :176, :176] / 255.0)

    assert ms_ssim(1 - y, y, data_range=1.0).item() == 0.0


def test_ms_ssim_needs_sixteen_windows() -> None:
    image = torch.zeros(1, 175, 300)

    with pytest.raises(OutputError, match="175×300 pixels are too small for ms_ssim") as error:
        ms_ssim(image, image, data_range=1.0)

    assert error.value.expected == "at least 176×176 pixels, in arrays with the channels before them"
    assert ms_ssim(image, image, data_range=1.0, window_size=5).item() == pytest.approx(1.0)


def test_the_psnr_of_a_set_is_the_mean_of_its_images_and_not_that_of_the_mean_error() -> None:
    """Error 19 of the list: the two differ by 17 dB here, and only one of them is called psnr."""
    y = torch.zeros(2, 1, 8, 8)
    x = torch.stack([torch.full((1, 8, 8), 0.1), torch.full((1, 8, 8), 0.001)])
    ours = psnr(x, y, data_range=1.0).mean().item()
    of_the_mean_error = -10 * np.log10(mse(x, y).mean().item())
    assert ours == pytest.approx((20 + 60) / 2, abs=1e-4)
    assert of_the_mean_error == pytest.approx(23.01, abs=0.01)
