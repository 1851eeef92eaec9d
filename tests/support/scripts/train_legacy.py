"""Knows nothing of Twophase: computes its own hash of the base model and works below its directory."""

import argparse
import hashlib
import json
import os
import sys


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fold", type=int, required=True)
    parser.add_argument("--participants", nargs="+", required=True)
    parser.add_argument("--mode", default="full_fine_tuning")
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--use_augmentation", action="store_true")
    parser.add_argument("--magnitude_range", type=float, nargs=2, default=[0.98, 1.02])
    parser.add_argument("--target_batch_pct", type=float)
    parser.add_argument("--prefix", default="alpha")
    return parser.parse_args()


def others_of(args):
    return sorted(name for i, name in enumerate(args.participants) if i != args.fold)


def base_model_hash(args):
    identity = [others_of(args), args.lr, args.batch_size, args.use_augmentation, args.magnitude_range]
    return hashlib.md5(json.dumps(identity).encode()).hexdigest()[:12]


def main():
    assert not any(name in sys.argv for name in ("--device",))
    args = parse()
    folder = os.path.join("experiments", "base_models", base_model_hash(args))
    path = os.path.join(folder, "best_base_model.pt")
    if args.mode == "base_only":
        os.makedirs(folder)
        with open(path, "w") as stream:
            stream.write("weights of " + " ".join(others_of(args)))
        return
    with open(path) as stream:
        weights = stream.read()
    target = args.participants[args.fold]
    result = os.path.join("experiments", args.prefix, "fold%d_%s" % (args.fold, target))
    os.makedirs(result)
    with open(os.path.join(result, "metrics.json"), "w") as stream:
        json.dump({"from": weights, "best_target_val_loss": 0.25, "pct": args.target_batch_pct}, stream)


if __name__ == "__main__":
    main()
