#include "model/image/decode_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/golden_util.h"

namespace cajal::image {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMaxPixels = 1'000'000;

std::string Odd(const std::string& name) { return golden::ReadBytes("golden/images_odd/" + name); }

void ExpectRefused(const std::string& bytes, const std::string& reason, const std::string& because,
                   int64_t max_pixels = kMaxPixels) {
  const absl::Status status = DecodeImage(bytes, max_pixels).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(status), reason);
  EXPECT_THAT(std::string(status.message()), HasSubstr(because));
}

// The largest difference of any channel to what Pillow decoded; 256 when the sides differ.
int DifferenceToPillow(const std::string& name) {
  const auto file = golden::OpenSafetensors("golden/images_odd.safetensors");
  const auto expected = golden::Values<uint8_t>(*file, name + ".rgb");
  const auto shape = file->Find(name + ".rgb")->shape;
  const auto image = DecodeImage(Odd(name), kMaxPixels);
  if (!image.ok() || image->height != shape[0] || image->width != shape[1]) return 256;
  int largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(int{expected[i]} - int{image->pixels[i]}));
  }
  return largest;
}

class SameAsPillow : public testing::TestWithParam<const char*> {};

TEST_P(SameAsPillow, BitForBit) { EXPECT_EQ(DifferenceToPillow(GetParam()), 0); }

INSTANTIATE_TEST_SUITE_P(
    DecodeImage, SameAsPillow,
    testing::Values("onepixel.png", "exif1.jpg", "exif2.jpg", "exif3.jpg", "exif4.jpg", "exif5.jpg",
                    "exif6.jpg", "exif7.jpg", "exif8.jpg", "exif6.png", "exif6.webp", "lossy.webp",
                    "lossless.webp", "alpha.webp", "grey_alpha.png", "grey.jpg", "progressive.jpg",
                    "full_chroma.jpg", "one_bit.png", "four_colours.png", "transparent_palette.png",
                    "grey16.png", "rgb16.png", "rgba16.png"),
    [](const auto& test) {
      std::string name = test.param;
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

TEST(DecodeImage, CmykIsWithinTwoOfPillow) { EXPECT_LE(DifferenceToPillow("cmyk.jpg"), 2); }

TEST(DecodeImage, BytesOfNoKnownFormatAreRefused) {
  for (const std::string bytes : {"", "hello", "GIF89a", "BM", "RIFF0000WAVE", "\xff\xd8"}) {
    ExpectRefused(bytes, "IMAGE_FORMAT", "neither a PNG nor a JPEG nor a WebP");
  }
}

TEST(DecodeImage, OneHundredMegapixelsAreRefusedByTheHeaderAlone) {
  // The sides in the header are changed to 10000 x 10000; the checksum and the data, which would be
  // found wrong by decoding, are not.
  std::string png = Odd("onepixel.png");
  const std::string side("\0\0\x27\x10", 4);
  png.replace(16, 8, side + side);
  ExpectRefused(png, "IMAGE_TOO_LARGE", "has 10000 x 10000 pixels; at most 64000000", 64'000'000);
  std::string webp = Odd("lossy.webp");
  webp.replace(26, 4, "\xff\x3f\xff\x3f");
  ExpectRefused(webp, "IMAGE_TOO_LARGE", "has 16383 x 16383 pixels");
  std::string jpeg = Odd("grey.jpg");
  jpeg.replace(jpeg.find("\xff\xc0") + 5, 4, "\xff\xff\xff\xff");
  ExpectRefused(jpeg, "IMAGE_TOO_LARGE", "has 65535 x 65535 pixels");
}

TEST(DecodeImage, LimitIsInclusive) {
  EXPECT_TRUE(DecodeImage(Odd("grey.jpg"), 23 * 17).ok());
  ExpectRefused(Odd("grey.jpg"), "IMAGE_TOO_LARGE", "at most 390", 23 * 17 - 1);
}

TEST(DecodeImage, ChangedHeaderThatFitsIsUnreadable) {
  std::string png = Odd("rgb16.png");
  png[19] = 8;  // the width, without its checksum
  ExpectRefused(png, "IMAGE_UNREADABLE", "cannot be decoded");
}

TEST(DecodeImage, PicturesWithoutPixelsAreRefused) {
  std::string png = Odd("onepixel.png");
  png.replace(16, 4, std::string(4, '\0'));
  ExpectRefused(png, "IMAGE_UNREADABLE", "no pixels");
}

TEST(DecodeImage, EveryTruncationIsRefusedAndNeverAHalfPicture) {
  testing::internal::CaptureStderr();  // the codecs' own complaints
  for (const std::string name : {"rgba16.png", "four_colours.png", "exif5.jpg", "progressive.jpg",
                                 "cmyk.jpg", "lossy.webp", "exif6.webp"}) {
    const std::string whole = Odd(name);
    ASSERT_TRUE(DecodeImage(whole, kMaxPixels).ok()) << name;
    for (size_t size = 0; size < whole.size(); ++size) {
      const auto image = DecodeImage(whole.substr(0, size), kMaxPixels);
      EXPECT_FALSE(image.ok()) << name << " cut at " << size;
      if (image.ok()) break;
    }
  }
  testing::internal::GetCapturedStderr();
}

TEST(DecodeImage, DamageNeverCrashesAndKeepsTheSides) {
  testing::internal::CaptureStderr();  // the codecs' own complaints
  for (const std::string name : {"rgba16.png", "exif5.jpg", "cmyk.jpg", "exif6.webp"}) {
    const std::string whole = Odd(name);
    for (size_t at = 0; at < whole.size(); ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      const auto image = DecodeImage(damaged, kMaxPixels);
      if (!image.ok()) {
        EXPECT_NE(ReasonOf(image.status()), "") << name << " at " << at;
      } else {
        EXPECT_EQ(image->pixels.size(), static_cast<size_t>(image->width * image->height * 3));
      }
    }
  }
  testing::internal::GetCapturedStderr();
}

TEST(DecodeImage, GoodFileDecodesAfterBadOnes) {
  ExpectRefused(Odd("exif1.jpg").substr(0, 300), "IMAGE_UNREADABLE", "cut short");
  EXPECT_EQ(DifferenceToPillow("exif1.jpg"), 0);
}

}  // namespace
}  // namespace cajal::image
