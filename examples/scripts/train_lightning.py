"""A linear model by Lightning; logs and checkpoints go below default_root_dir."""

import argparse
import logging
import warnings

import lightning
import torch
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


class Line(lightning.LightningModule):
    def __init__(self, lr):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, _):
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.layer(x), y)
        self.log("train_loss", loss, on_epoch=True, on_step=False)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    lightning.seed_everything(args.seed, verbose=False)
    x = torch.rand(64, 1)
    data = DataLoader(TensorDataset(x, 3 * x + 1), batch_size=16)
    trainer = lightning.Trainer(
        default_root_dir="lightning",
        max_epochs=args.epochs,
        accelerator="cpu",
        devices=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        logger=lightning.pytorch.loggers.CSVLogger("lightning"),
    )
    model = Line(args.lr)
    trainer.fit(model, data)
    print(f"weight {model.layer.weight.item():.4f}")


if __name__ == "__main__":
    main()
