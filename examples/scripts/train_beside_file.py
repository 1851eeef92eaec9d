"""A tiny network whose weights are saved beside the script, wherever that lies."""

import argparse
import os

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKPOINT = os.path.join(HERE, "checkpoints", "model.pt")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    if os.path.exists(CHECKPOINT):
        print("going on from", CHECKPOINT)
        model.load_state_dict(torch.load(CHECKPOINT, weights_only=True))
    x = torch.rand(32, 2)
    for epoch in range(args.epochs):
        loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"epoch {epoch + 1}/{args.epochs}  loss {loss.item():.4f}")
    os.makedirs(os.path.dirname(CHECKPOINT), exist_ok=True)
    torch.save(model.state_dict(), CHECKPOINT)
    with open(os.path.join(HERE, "seed.txt"), "w") as stream:
        stream.write(f"{args.seed}\n")


if __name__ == "__main__":
    main()
