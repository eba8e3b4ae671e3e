"""Image files of the unpleasant kinds, and what Pillow and Transformers make of them.

    python make_image_cases.py [GOLDEN_DIR]

Writes images_odd/*.{png,jpg,webp} and images_odd.safetensors:
  <file>.rgb             [height, width, 3] uint8: ImageOps.exif_transpose(open(file)).convert("RGB")
  pan.<file>.pixels      [1 + crops, 3, 56, 56] float32: Gemma3ImageProcessorPil with pan and scan, crops of at
                         least 16 pixels; from images/<file>
Needs Pillow, numpy, safetensors and transformers, not torch. All pictures are drawn here.
"""
import io
import pathlib
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps
from safetensors.numpy import save_file
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

ORIENTATION = 0x0112


def picture(width, height):
    """A smooth picture with an edge, different in every channel and every corner."""
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x / max(width - 1, 1)
    green = 255 * y / max(height - 1, 1)
    blue = np.where((x > width // 3) & (y > height // 2), 230, 20)
    return np.stack([red, green, blue], -1).astype(np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(array, color_type):
    """A 16-bit PNG, which Pillow writes for grey only. array: [height, width, channels] uint16."""
    height, width, _ = array.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def odd_files():
    rng = np.random.default_rng(5)
    image = Image.fromarray(picture(23, 17))
    files = {"onepixel.png": encode(Image.fromarray(picture(1, 1)), "PNG")}
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        files[f"exif{orientation}.jpg"] = encode(image, "JPEG", quality=95, exif=exif)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    files["exif6.png"] = encode(image, "PNG", exif=exif)
    files["exif6.webp"] = encode(image, "WEBP", lossless=True, exif=exif)
    files["lossy.webp"] = encode(image, "WEBP", quality=80)
    files["lossless.webp"] = encode(image, "WEBP", lossless=True)
    alpha = Image.fromarray(np.dstack([picture(23, 17), np.linspace(0, 255, 23 * 17).reshape(17, 23)]).astype(np.uint8))
    files["alpha.webp"] = encode(alpha, "WEBP", lossless=True, exact=True)
    files["grey_alpha.png"] = encode(alpha.convert("LA"), "PNG")
    files["grey.jpg"] = encode(image.convert("L"), "JPEG", quality=90)
    files["progressive.jpg"] = encode(image, "JPEG", quality=70, progressive=True)
    files["full_chroma.jpg"] = encode(image, "JPEG", quality=70, subsampling=0)
    files["cmyk.jpg"] = encode(image.convert("CMYK"), "JPEG", quality=95)
    files["one_bit.png"] = encode(image.convert("1"), "PNG")
    files["four_colours.png"] = encode(image.quantize(4), "PNG", bits=2)
    files["transparent_palette.png"] = encode(image.quantize(16), "PNG", transparency=3)
    grey16 = np.concatenate([np.arange(200, 300), rng.integers(0, 65536, 100)]).reshape(10, 20, 1)
    files["grey16.png"] = raw_png(grey16, 0)
    files["rgb16.png"] = raw_png(rng.integers(0, 65536, (9, 11, 3)), 2)
    files["rgba16.png"] = raw_png(rng.integers(0, 65536, (9, 11, 4)), 6)
    return files


def main():
    golden = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    folder = golden / "images_odd"
    folder.mkdir(exist_ok=True)
    arrays = {}
    for name, data in odd_files().items():
        (folder / name).write_bytes(data)
        rgb = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        arrays[name + ".rgb"] = np.ascontiguousarray(rgb)
    processor = Gemma3ImageProcessorPil.from_pretrained(golden / "tiny")
    for name in ["shapes_97x61.png", "gradient_200x300.png", "onerow_56x91.png", "rgba_40x80.png", "noise_56x56.png"]:
        rgb = Image.open(golden / "images" / name).convert("RGB")
        output = processor(rgb, do_pan_and_scan=True, pan_and_scan_min_crop_size=16, pan_and_scan_max_num_crops=4,
                           pan_and_scan_min_ratio_to_activate=1.2, return_tensors="np")
        arrays[f"pan.{name}.pixels"] = np.ascontiguousarray(output["pixel_values"])
    save_file(arrays, golden / "images_odd.safetensors")


if __name__ == "__main__":
    main()
