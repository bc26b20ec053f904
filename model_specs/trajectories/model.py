"""The two models of this experiment: one that turns a clip into 48 discrete codes and back, and one that judges.

``VideoAutoencoder`` is encode → codes → decode, with a predictor and a prior that work on codes alone. 32 codes are
positions (row and column of the digit in each of 16 frames), 16 describe what moves; all share a codebook of 125.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

FRAMES, SIDE, GLIMPSE = 16, 32, 16
CODES = 125
# A code of what moves is three numbers of five levels each (finite scalar quantisation: Mentzer et al., ICLR 2024).
LEVELS = 5
CONTENT = 16
GIVEN, FORECAST = 10, 6
KINDS = 4


class VideoAutoencoder(nn.Module):
    """Clips (n, 16, 1, 32, 32) in 0..1 to codes (n, 48) of 0..124, and back.

    ``temperature`` is that of sampling: below 1 the likelier codes are drawn even more often.
    """

    def __init__(self, width: int = 256, prior_width: int = 192, temperature: float = 0.5) -> None:
        super().__init__()
        self.temperature = temperature
        # A heat map whose centre is where the digit is; its neighbourhood is what the encoder sees.
        self.heat = nn.Sequential(
            nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.Conv2d(12, 1, 5, padding=2), nn.Softplus()
        )
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(GLIMPSE**2, width), nn.GELU(), nn.Linear(width, 3 * CONTENT)
        )
        self.decoder = nn.Sequential(
            nn.Linear(3 * CONTENT, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, GLIMPSE**2),
        )
        self.predictor = nn.Sequential(
            nn.Linear(2 * GIVEN, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, 2 * FORECAST),
        )
        self.code = nn.Embedding(CODES + KINDS, prior_width)
        self.place = nn.Parameter(torch.zeros(2 * FRAMES + CONTENT, prior_width))
        self.prior = nn.GRU(prior_width, prior_width, batch_first=True)
        self.next = nn.Linear(prior_width, CODES)

    def forward(self, clip: Tensor) -> Tensor:
        """The clip as its codes tell it, of the same shape."""
        return self.decode(self.codes(clip))

    def positions(self, clip: Tensor) -> Tensor:
        """Where the digit is in each frame: (n, T, 2), row and column from −1 to 1."""
        frames = clip.flatten(0, 1)
        heat = self.heat(frames)[:, 0] * (frames[:, 0] > 0.02) + 1e-6
        axis = torch.linspace(-1, 1, SIDE, device=clip.device, dtype=clip.dtype)
        total = heat.sum((1, 2))
        row, column = (heat.sum(2) * axis).sum(1) / total, (heat.sum(1) * axis).sum(1) / total
        return torch.stack([row, column], 1).view(len(clip), -1, 2)

    def content(self, clip: Tensor, positions: Tensor) -> Tensor:
        """What moves: (n, 48) before it is quantised, from the mean of the glimpses at the positions."""
        glimpses = functional.grid_sample(
            clip.flatten(0, 1), _grid(positions.flatten(0, 1), GLIMPSE / SIDE, GLIMPSE), align_corners=False
        )
        return self.encoder(glimpses.view(len(clip), -1, GLIMPSE, GLIMPSE).mean(1))

    def codes(self, clip: Tensor) -> Tensor:
        """(n, 48) int64: rows and columns frame by frame, then what moves."""
        positions = self.positions(clip)
        steps = (torch.tanh(self.content(clip, positions)) * (LEVELS // 2)).round().long() + LEVELS // 2
        steps = steps.view(len(clip), CONTENT, 3)
        content = (steps[..., 0] * LEVELS + steps[..., 1]) * LEVELS + steps[..., 2]
        return torch.cat([position_codes(positions).flatten(1), content], 1)

    def decode(self, codes: Tensor) -> Tensor:
        """Clips of as many frames as there are codes of positions: (n, 2 T + 16) to (n, T, 1, 32, 32)."""
        moved, content = codes[:, :-CONTENT], codes[:, -CONTENT:]
        steps = torch.stack([content // LEVELS**2, content // LEVELS % LEVELS, content % LEVELS], 2)
        weight = self.decoder[0].weight
        values = (steps.flatten(1) - LEVELS // 2).to(weight.dtype) / (LEVELS // 2)
        return self.draw(values, code_positions(moved).to(weight.dtype).view(len(codes), -1, 2))

    def draw(self, content: Tensor, positions: Tensor) -> Tensor:
        """A sprite is made of the content and put where the positions say: (n, T, 1, 32, 32)."""
        frames = positions.shape[1]
        sprite = torch.sigmoid(self.decoder(content)).view(-1, 1, 1, GLIMPSE, GLIMPSE)
        sprites = sprite.expand(-1, frames, -1, -1, -1).flatten(0, 1)
        grid = _grid(-positions.flatten(0, 1) * SIDE / GLIMPSE, SIDE / GLIMPSE, SIDE)
        return functional.grid_sample(sprites, grid, align_corners=False).view(-1, frames, 1, SIDE, SIDE)

    def embed(self, clip: Tensor) -> Tensor:
        """How a clip moves, (n, 512): the last hidden layer of the predictor, of the first and last ten frames."""
        moved = code_positions(position_codes(self.positions(clip))).to(clip.dtype)
        hidden = self.predictor[:-1]
        return torch.cat([hidden(relative(moved[:, :GIVEN])), hidden(relative(moved[:, -GIVEN:]))], 1)

    def continued(self, moved: Tensor) -> Tensor:
        """Positions of frames 11–16 (n, 6, 2) from those of frames 1–10 (n, 10, 2)."""
        return moved[:, -1:] + self.predictor(relative(moved)).view(-1, FORECAST, 2)

    def forecast(self, clip: Tensor) -> Tensor:
        """Frames 11–16 from frames 1–10, (n, 10, 1, 32, 32), by way of codes."""
        codes = self.codes(clip)
        moved = code_positions(codes[:, :-CONTENT]).to(clip.dtype).view(len(clip), -1, 2)
        return self.decode(
            torch.cat([position_codes(self.continued(moved)).flatten(1), codes[:, -CONTENT:]], 1)
        )

    def sample(self, noise: Tensor, label: Tensor) -> Tensor:
        """Clips of the kinds that are asked for; ``noise`` (n, 48) uniform in 0..1 draws a code each."""
        kind = self.code(label + CODES)
        token, state, codes = torch.zeros_like(kind), None, []
        for place in range(noise.shape[1]):
            hidden, state = self.prior((kind + token + self.place[place])[:, None], state)
            chances = (self.next(hidden[:, 0]).double() / self.temperature).softmax(1).cumsum(1)
            code = (chances < noise[:, place : place + 1].double()).sum(1).clamp(max=CODES - 1)
            codes.append(code)
            token = self.code(code)
        return self.decode(torch.stack(codes, 1))

    def likelihood(self, codes: Tensor, label: Tensor) -> Tensor:
        """Logits (n, 48, 125) of each code given those before it, for training the prior."""
        before = functional.pad(self.code(codes[:, :-1]), (0, 0, 1, 0))
        hidden, _ = self.prior(self.code(label + CODES)[:, None] + before + self.place)
        logits: Tensor = self.next(hidden)
        return logits


class Judge(nn.Module):
    """Names the kind of trajectory: (n, 16, 1, 32, 32) to logits (n, 4). It shares nothing with the autoencoder."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(1, channels, 4, stride=4),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
        )
        self.watch = nn.Sequential(nn.Flatten(), nn.Linear(64 * channels, 32))
        self.follow = nn.Sequential(
            nn.Flatten(),
            nn.Linear(32 * FRAMES, 192),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(192, 32),
            nn.ReLU(),
        )
        self.head = nn.Linear(32, KINDS)

    def features(self, clip: Tensor) -> Tensor:
        """The last hidden layer, (n, 32)."""
        seen = self.watch(self.look(clip.flatten(0, 1)))
        features: Tensor = self.follow(seen.view(len(clip), -1))
        return features

    def forward(self, clip: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(clip))
        return logits


def position_codes(positions: Tensor) -> Tensor:
    """−1..1 in 125 steps."""
    return ((positions.clamp(-1, 1) + 1) / 2 * (CODES - 1)).round().long()


def code_positions(codes: Tensor) -> Tensor:
    """The middle of each step, float64."""
    return codes.double() / (CODES - 1) * 2 - 1


def relative(moved: Tensor) -> Tensor:
    """Ten positions as the predictor is given them: the last one, and the nine steps to it, enlarged."""
    return torch.cat([moved[:, -1], (moved.diff(dim=1) * 10).flatten(1)], 1)


def _grid(offset: Tensor, scale: float, side: int) -> Tensor:
    """A sampling grid (m, side, side, 2) around offsets (m, 2) of row and column."""
    axis = (torch.arange(side, device=offset.device, dtype=offset.dtype) * 2 + 1) / side - 1
    rows = offset[:, 0, None, None] + scale * axis[:, None].expand(side, side)
    columns = offset[:, 1, None, None] + scale * axis.expand(side, side)
    return torch.stack([columns, rows], 3)
