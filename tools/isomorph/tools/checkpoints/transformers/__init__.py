"""Hugging Face transformers' folders: what `save_pretrained` writes and `from_pretrained` reads."""
