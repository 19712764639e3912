"""Kinds that change training rows or their loss: noise, smoothing, augmentation.

Images are tensors of shape (n, channels, height, width).
"""

from __future__ import annotations

from .kinds import KINDS, Bounded, InputKind, LossKind, register

__all__ = ["KINDS", "ImageKind"]


@register
class InputNoise(InputKind):
    """Standard deviation of normal noise on the features."""

    name = "input_noise"
    high = 10.0

    def apply(self, x, values, noise):
        """Return features with noise."""
        return x + _rows(values[self.name], x) * noise.normal(x.shape, x)


class ImageKind(InputKind):
    """A kind of hyperparameter of images."""

    def apply(self, x, values, noise):
        """Check that x are images, and change them."""
        if x.ndim != 4:
            raise ValueError(
                f"The hyperparameter {self.name!r} is for images, of shape (n, "
                f"channels, height, width). Got features of shape {tuple(x.shape)}."
            )
        return self.change(x, values, noise)

    def change(self, x, values, noise):
        """Return changed images; arguments as in `apply`."""
        raise NotImplementedError


@register
class RandomShift(ImageKind):
    """Largest shift, as a fraction of height and width; new pixels are zero."""

    name = "random_shift"
    transform = Bounded(0.0, 0.5)

    def change(self, x, values, noise):
        """Return images shifted by a random part of the largest shift."""
        signs = 2.0 * noise.uniform((len(x), 2), x) - 1.0
        # Coordinates go from -1 to 1, so that a side has the length 2.
        offset = 2.0 * values[self.name].reshape(-1, 1) * signs
        return _resampled(x, x.new_ones(len(x)), offset)


@register
class RandomCrop(ImageKind):
    """Largest fraction of height and width that is cut off; the rest is enlarged."""

    name = "random_crop"
    transform = Bounded(0.0, 0.5)

    def change(self, x, values, noise):
        """Return random windows, enlarged to the size of the images."""
        cut = values[self.name] * noise.uniform((len(x),), x)
        signs = 2.0 * noise.uniform((len(x), 2), x) - 1.0
        return _resampled(x, 1.0 - cut, cut[:, None] * signs)


@register
class Brightness(ImageKind):
    """Largest relative change of all pixels of an image."""

    name = "brightness"

    def change(self, x, values, noise):
        """Return images times a random factor."""
        signs = 2.0 * noise.uniform((len(x),), x) - 1.0
        return x * _rows(1.0 + values[self.name] * signs, x)


@register
class CutoutLength(ImageKind):
    """Side of the squares that are set to zero, in pixels."""

    name = "cutout_length"
    default = 4.0
    high = 64.0
    transform = Bounded(0.0, 24.0)
    is_integer = True

    def change(self, x, values, noise):
        """Return images with holes, one if their number is not a hyperparameter."""
        n_holes = values.get("cutout_holes", x.new_ones(1))
        return _with_holes(x, values[self.name], n_holes, noise)


@register
class CutoutHoles(ImageKind):
    """Number of squares that are set to zero."""

    name = "cutout_holes"
    default = 1.0
    high = 8.0
    transform = Bounded(0.0, 4.0)
    is_integer = True

    def change(self, x, values, noise):
        """Return images with holes of a quarter of the smaller side."""
        if "cutout_length" in values:
            return x  # which makes the holes
        length = x.new_full((1,), min(x.shape[2:]) // 4)
        return _with_holes(x, length, values[self.name], noise)


@register
class LabelSmoothing(LossKind):
    """Fraction of the target that is spread over all classes."""

    name = "label_smoothing"
    transform = Bounded(0.0, 0.5)
    tasks = ("classification",)

    def apply(self, losses, outputs, y, values):
        """Return the cross-entropy with the smoothed target."""
        share = values[self.name]
        spread = -outputs.log_softmax(dim=1).mean(dim=1)
        return (1.0 - share) * losses + share * spread.reshape(len(losses), -1).mean(1)


def _rows(numbers, x):
    """Return one number per row so that it broadcasts to x."""
    return numbers.reshape(-1, *[1] * (x.ndim - 1))


def _resampled(x, scale, offset):
    """Return images at ``scale * position + offset``, positions from -1 to 1."""
    from torch.nn.functional import affine_grid, grid_sample

    theta = x.new_zeros((len(x), 2, 3))
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = offset
    grid = affine_grid(theta, x.shape, align_corners=False)
    return grid_sample(x, grid, align_corners=False)


def _with_holes(x, length, n_holes, noise):
    """Return images with squares of zeros around random pixels."""
    kept = None
    for hole in range(int(n_holes.max())):
        inside = (hole < n_holes).reshape(-1, 1, 1, 1)
        for axis in (2, 3):
            size = x.shape[axis]
            center = (noise.uniform((len(x), 1), x) * size).floor()
            position = x.new_ones(size).cumsum(0) - 1.0
            # Squares of even sides reach one pixel further down and right.
            first = center - (length.reshape(-1, 1) / 2.0).floor()
            near = (position >= first) & (position < first + length.reshape(-1, 1))
            inside = inside & near.unsqueeze(1).unsqueeze(5 - axis)
        kept = ~inside if kept is None else kept & ~inside
    return x if kept is None else x * kept
