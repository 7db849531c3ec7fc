"""The loop that the engine is measured against."""

import torch
from torch import Tensor, nn


def train_by_hand(module: nn.Module, X: Tensor, y: Tensor, batch: int, epochs: int, *, fused: bool = True) -> None:
    """Train by the loop of a tutorial: shuffle, slice, forward, backward, step; an epoch's loss is fetched once.

    Module and data lie on one device, which keeps them.
    """
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=fused)
    for _ in range(epochs):
        total = torch.zeros((), device=X.device)
        for rows in torch.randperm(len(X), device=X.device).split(batch):
            optimizer.zero_grad()
            loss = criterion(module(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        total.item()
