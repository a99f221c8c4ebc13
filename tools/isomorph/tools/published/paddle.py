"""paddle.vision's weights, of one width where a network comes in several."""

from isomorph.tools.published.row import Published

SOURCE = "paddle/vision/models, 3.3.1"
HAPI = "https://paddle-hapi.bj.bcebos.com/models/"
DYGRAPH = "https://paddle-imagenet-models-name.bj.bcebos.com/dygraph/"

# `model_urls`: the URL and the file's MD5
FILES = {
    # resnet.py
    "resnet18": (HAPI + "resnet18.pdparams", "cf548f46534aa3560945be4b95cd11c4"),
    "resnet34": (HAPI + "resnet34.pdparams", "8d2275cf8706028345f78ac0e1d31969"),
    "resnet50": (HAPI + "resnet50.pdparams", "ca6f485ee1ab0492d38f323885b0ad80"),
    "resnet101": (HAPI + "resnet101.pdparams", "02f35f034ca3858e1e54d4036443c92d"),
    "resnet152": (HAPI + "resnet152.pdparams", "7ad16a2f1e7333859ff986138630fd7a"),
    "resnext50_32x4d": (HAPI + "resnext50_32x4d.pdparams", "dc47483169be7d6f018fcbb7baf8775d"),
    "resnext50_64x4d": (HAPI + "resnext50_64x4d.pdparams", "063d4b483e12b06388529450ad7576db"),
    "resnext101_32x4d": (HAPI + "resnext101_32x4d.pdparams", "967b090039f9de2c8d06fe994fb9095f"),
    "resnext101_64x4d": (HAPI + "resnext101_64x4d.pdparams", "98e04e7ca616a066699230d769d03008"),
    "resnext152_32x4d": (HAPI + "resnext152_32x4d.pdparams", "18ff0beee21f2efc99c4b31786107121"),
    "resnext152_64x4d": (HAPI + "resnext152_64x4d.pdparams", "77c4af00ca42c405fa7f841841959379"),
    "wide_resnet50_2": (HAPI + "wide_resnet50_2.pdparams", "0282f804d73debdab289bd9fea3fa6dc"),
    "wide_resnet101_2": (HAPI + "wide_resnet101_2.pdparams", "d4360a2d23657f059216f5d5a1a9ac93"),
    # mobilenetv1.py
    "mobilenet_v1": (HAPI + "mobilenetv1_1.0.pdparams", "3033ab1975b1670bef51545feb65fc45"),
    # mobilenetv2.py
    "mobilenet_v2": (HAPI + "mobilenet_v2_x1.0.pdparams", "0340af0a901346c8d46f4529882fb63d"),
    # vgg.py
    "vgg16": (HAPI + "vgg16.pdparams", "89bbffc0f87d260be9b8cdc169c991c4"),
    # googlenet.py
    "googlenet": (
        DYGRAPH + "GoogLeNet_pretrained.pdparams",
        "80c06f038e905c53ab32c40eca6e26ae",
    ),
}

ROWS = tuple(Published(f"paddle/{name}", "pretrained", url, f"md5:{md5}", SOURCE) for name, (url, md5) in FILES.items())
