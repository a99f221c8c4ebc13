"""What zoos do to a photograph, typed from their sources a second time: by network where it is named, or by zoo."""

from typing import Any

from .family import Fact

CROP: dict[str, Any] = {
    "fit": "crop",
    "resize": 256,
    "size": (224, 224),
    "interpolation": "bilinear",
    "channels": "RGB",
    "mean": (123.675, 116.28, 103.53),  # 255 times 0.485, 0.456, 0.406
    "std": (58.395, 57.12, 57.375),  # 255 times 0.229, 0.224, 0.225
    "central_fraction": 1.0,
    "resampler": "pillow",
    "longer_side": "floor",
    "crop_offset": "round",
}

# No shorter side is scaled to anything, and nothing is cropped.
STRETCH = {field: value for field, value in CROP.items() if field not in ("resize", "longer_side", "crop_offset")} | {
    "fit": "stretch"
}

SIGNED = {"mean": (127.5, 127.5, 127.5), "std": (127.5, 127.5, 127.5)}
CAFFE = {"channels": "BGR", "mean": (103.939, 116.779, 123.68), "std": (1.0, 1.0, 1.0)}
KERAS = STRETCH | {"interpolation": "nearest"}
INCEPTION = STRETCH | SIGNED | {"central_fraction": 0.875, "resampler": "tensorflow1"}

PREPROCESSING = {
    "torchvision": Fact(
        CROP, "torchvision/transforms/_presets.py:38-63, ImageClassification: resize_size=256, crop_size, mean, std"
    ),
    "wsl": Fact(CROP, "WSL-Images, README: the preprocessing of torchvision's models"),
    "timm": Fact(
        CROP | {"interpolation": "bicubic"}, "timm/models/resnet.py, _tcfg: bicubic, crop_pct 0.875: int(224 / 0.875)"
    ),
    "transformers": Fact(
        CROP | {"interpolation": "bicubic", "crop_offset": "floor"},
        "models/convnext/image_processing_convnext.py: bicubic, crop_pct 224 / 256, center_crop by integer division",
    ),
    "tutorial": Fact(CROP, "Test5_resnet/predict.py:16-19, Resize(256), CenterCrop(224), torchvision's Normalize"),
    "tutorial/googlenet": Fact(
        STRETCH | SIGNED, "Test4_googlenet/predict.py:16-18, Resize((224, 224)), Normalize((0.5,) * 3, (0.5,) * 3)"
    ),
    "cifar": Fact(
        CROP | {"resize": None, "size": (32, 32)},
        "trainer.py: ToTensor, Normalize, of 32x32 images",
    ),
    **dict.fromkeys(
        (f"cifar/resnet{depth}" for depth in (18, 34, 50, 101, 152)),
        Fact(
            CROP
            | {
                "resize": None,
                "size": (32, 32),
                "mean": (125.307, 122.961, 113.8575),
                "std": (51.5865, 50.847, 51.255),
            },
            "kuangliu/pytorch-cifar, main.py: Normalize((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)), times 255",
        ),
    ),
    **dict.fromkeys(
        (
            f"cifar/wide_resnet{name}"
            for name in ("16_8", "16_10", "22_8", "22_10", "28_10", "28_12", "40_1", "40_2", "40_4", "40_8")
        ),
        Fact(
            CROP | {"resize": None, "size": (32, 32), "mean": (125.3, 123.0, 113.9), "std": (63.0, 62.1, 66.7)},
            "xternalz/WideResNet-pytorch, train.py: each over 255.0, of ToTensor's 0..1",
        ),
    ),
    "d2l": Fact(
        STRETCH | {"size": (96, 96), "mean": (0.0,), "std": (255.0,)},
        "resnet.md, d2l.FashionMNIST(resize=(96, 96)); fashion-mnist.md: Resize, ToTensor",
    ),
    "keras": Fact(
        KERAS | CAFFE,
        "keras/src/applications/imagenet_utils.py, mode='caffe'; utils/image_utils.py, load_img: 'nearest'",
    ),
    "keras/ResNet50V2": Fact(KERAS | SIGNED, "resnet.py, resnet_v2.preprocess_input: mode='tf'"),
    "keras/ResNet101V2": Fact(KERAS | SIGNED, "resnet.py, resnet_v2.preprocess_input: mode='tf'"),
    "keras/ResNet152V2": Fact(KERAS | SIGNED, "resnet.py, resnet_v2.preprocess_input: mode='tf'"),
    "keras/MobileNet": Fact(KERAS | SIGNED, "mobilenet.py, preprocess_input: mode='tf'"),
    "keras/MobileNetV2": Fact(KERAS | SIGNED, "mobilenet_v2.py, preprocess_input: mode='tf'"),
    "keras2": Fact(KERAS | CAFFE, "keras_applications/imagenet_utils.py, mode='caffe'; load_img: 'nearest'"),
    "mlperf_tiny": Fact(
        CROP | {"resize": None, "size": (32, 32), "mean": (0.0,) * 3, "std": (1.0,) * 3},
        "image_classification/train.py, load_cifar_10_data: pixels as they are",
    ),
    "paddle": Fact(
        CROP | {"resampler": "opencv", "longer_side": "round", "crop_offset": "floor"},
        "PaddleClas, ImageNet/ResNet/ResNet50.yaml, Eval; ppcls/data/preprocess/ops/operators.py",
    ),
    "paddle/LeNet": Fact(
        CROP | {"resize": None, "size": (28, 28), "mean": (127.5,), "std": (127.5,)},
        "Paddle's guide to MNIST: Normalize(mean=[127.5], std=[127.5]); 28x28 images",
    ),
    "slim": Fact(INCEPTION, "preprocessing/inception_preprocessing.py, preprocess_for_eval: central_fraction=0.875"),
    **{
        f"slim/resnet_v1_{depth}": Fact(
            CROP
            | {"mean": (123.68, 116.78, 103.94), "std": (1.0, 1.0, 1.0)}
            | {"resampler": "tensorflow1", "longer_side": "round", "crop_offset": "floor"},
            "preprocessing/vgg_preprocessing.py, _R_MEAN, _G_MEAN, _B_MEAN, _RESIZE_SIDE_MIN = 256",
        )
        for depth in (50, 101, 152, 200)
    },
    **{
        f"slim/resnet_v2_{depth}": Fact(
            INCEPTION | {"size": (299, 299)}, "README of research/slim: ResNet V2 models use 299 pixels"
        )
        for depth in (50, 101, 152, 200)
    },
}
