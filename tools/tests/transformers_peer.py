"""Run by the tests in a process of its own, in a folder that they made: what transformers itself answers.

It loads the folder `ours` and saves networks of its own: `theirs`, in several files, and `bin`, in PyTorch's format.
What it and its image processor answer goes into `answers.npz`; what it warns of goes to stderr, which stays empty.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image

warnings.simplefilter("always")
transformers.logging.set_verbosity_warning()
transformers.logging.disable_progress_bar()
images = torch.from_numpy(np.load("images.npy")).permute(0, 3, 1, 2).double()


def answer(model: Any) -> Any:
    with torch.no_grad():
        return model.double().eval()(images).logits.numpy()


torch.manual_seed(0)
own = transformers.ResNetForImageClassification(
    transformers.ResNetConfig(**json.loads(Path("theirs.json").read_text()))
)
for name, buffer in own.named_buffers():
    if name.endswith(("running_mean", "running_var")):
        buffer.uniform_(0.5, 1.5)
own.save_pretrained("theirs", max_shard_size="8KB")
Path("bin").mkdir()
own.config.save_pretrained("bin")
torch.save(own.state_dict(), "bin/pytorch_model.bin")

loaded, info = transformers.ResNetForImageClassification.from_pretrained("ours", output_loading_info=True)
assert not any(info.values()), info
auto = transformers.AutoModelForImageClassification.from_pretrained("ours")
assert type(auto) is type(loaded)
processor = transformers.AutoImageProcessor.from_pretrained("ours")
photograph = processor(Image.open("photograph.png"), return_tensors="np")["pixel_values"]

np.savez(
    "answers.npz",
    ours=answer(loaded),
    auto=answer(auto),
    theirs=answer(own),
    photograph=photograph.transpose(0, 2, 3, 1),
)
