#include "model/checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/golden_util.h"
#include "tests/temp_dir.h"

namespace cajal::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string LittleEndian(uint64_t value) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &value, 8);
  return bytes;
}

std::string Container(const std::string& header, size_t data_bytes) {
  return LittleEndian(header.size()) + header + std::string(data_bytes, '\1');
}

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> Parse(std::string bytes) {
  return ParseSafetensors(std::make_shared<const std::string>(std::move(bytes)), "x.safetensors");
}

// Every refusal is INVALID_ARGUMENT, begins with the file's name and says what is wrong.
void ExpectRefused(const std::string& bytes, const std::string& because) {
  const absl::Status status = Parse(bytes).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::StartsWith("x.safetensors: "));
  EXPECT_THAT(std::string(status.message()), HasSubstr(because));
}

void ExpectHeaderRefused(const std::string& header, size_t data_bytes, const std::string& because) {
  ExpectRefused(Container(header, data_bytes), because);
}

TEST(SafetensorsRead, GivesTypesShapesValuesAndMetadata) {
  const auto file = Parse(Container(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]},)"
      R"("a":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]}}  )",
      7));
  ASSERT_TRUE(file.ok()) << file.status();
  const TensorView* a = (*file)->Find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->type, ElementType::kF16);
  EXPECT_THAT(a->shape, ElementsAre(1, 2));
  EXPECT_EQ(a->n_elements(), 2);
  const TensorView* b = (*file)->Find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->data - a->data, 4);
  EXPECT_THAT((*file)->metadata(), ElementsAre(testing::Pair("format", "pt")));
  EXPECT_EQ((*file)->Find("c"), nullptr);
}

TEST(SafetensorsRead, TakesScalarsEmptyTensorsAndFilesWithoutTensors) {
  const auto file = Parse(Container(R"({"none":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]},)"
                                    R"("scalar":{"dtype":"I64","shape":[],"data_offsets":[0,8]}})",
                                    8));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->Find("scalar")->n_elements(), 1);
  EXPECT_EQ((*file)->Find("none")->n_elements(), 0);
  EXPECT_TRUE(Parse(Container(R"({"__metadata__":{}})", 0)).ok());
  EXPECT_TRUE(Parse(Container("{}", 0)).ok());
}

TEST(SafetensorsRead, ViewOutlivesItsFile) {
  auto file = golden::OpenSafetensors("golden/tiny/model.safetensors");
  const TensorView view = file->tensors().begin()->second;
  const std::vector<std::byte> before(view.data, view.data + view.size_bytes);
  file.reset();
  EXPECT_EQ(std::memcmp(view.data, before.data(), before.size()), 0);
}

TEST(SafetensorsRead, SaysWhetherDataIsAligned) {
  std::string header = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                       R"("b":{"dtype":"U8","shape":[1],"data_offsets":[4,5]},)"
                       R"("c":{"dtype":"F32","shape":[1],"data_offsets":[5,9]}})";
  header.resize(256, ' ');
  const TempDir dir;  // a mapping begins on a page, so that the place in the file decides
  const auto file = golden::OpenSafetensors(dir.Write("f.safetensors", Container(header, 9)));
  EXPECT_TRUE(file->Find("a")->is_aligned());
  EXPECT_TRUE(file->Find("b")->is_aligned());
  EXPECT_FALSE(file->Find("c")->is_aligned());
}

TEST(SafetensorsRead, MissingFileIsNotFound) {
  const absl::Status status = SafetensorsFile::Open("golden/absent.safetensors").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("golden/absent.safetensors"));
}

TEST(SafetensorsRead, FolderIsRefused) {
  EXPECT_EQ(SafetensorsFile::Open("golden").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(SafetensorsRefusal, FileShorterThanItsLengthField) { ExpectRefused("1234567", "truncated"); }

TEST(SafetensorsRefusal, EmptyFile) { ExpectRefused("", "truncated"); }

TEST(SafetensorsRefusal, HeaderBeyondTheEndOfTheFile) {
  ExpectRefused(LittleEndian(100) + "{}", "states a header of 100 bytes");
}

TEST(SafetensorsRefusal, HeaderBeyondTheReferenceLimit) {
  ExpectRefused(LittleEndian(100'000'001) + "{}", "at most 100000000");
}

TEST(SafetensorsRefusal, HeaderLengthThatOverflows) {
  ExpectRefused(LittleEndian(std::numeric_limits<uint64_t>::max()) + "{}", "states a header of");
}

TEST(SafetensorsRefusal, HeaderThatDoesNotBeginWithABrace) {
  ExpectHeaderRefused(" {}", 0, "does not begin with {");
  ExpectHeaderRefused("\xEF\xBB\xBF{}", 0, "does not begin with {");
  ExpectHeaderRefused("", 0, "does not begin with {");
}

TEST(SafetensorsRefusal, HeaderThatIsNoJson) {
  ExpectHeaderRefused(R"({"a":)", 0, "not JSON");
  ExpectHeaderRefused("{} trailing", 0, "not JSON");
  ExpectHeaderRefused(std::string("{}\0{}", 5), 0, "NUL");
}

TEST(SafetensorsRefusal, BadUtf8) {
  ExpectHeaderRefused("{\"a\xFF\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0,
                      "UTF-8");
}

TEST(SafetensorsRefusal, TensorTwice) {
  ExpectHeaderRefused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                      R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                      1, R"(tensor "a": appears twice)");
}

TEST(SafetensorsRefusal, KeyOfATensorTwice) {
  ExpectHeaderRefused(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
                      R"(has the key "dtype" twice)");
}

TEST(SafetensorsRefusal, KeyOfTheMetadataTwice) {
  ExpectHeaderRefused(R"({"__metadata__":{"k":"1","k":"2"}})", 0, R"(the key "k" twice)");
}

TEST(SafetensorsRefusal, MetadataThatIsNoString) {
  ExpectHeaderRefused(R"({"__metadata__":{"k":1}})", 0, "a number where none may stand");
  ExpectHeaderRefused(R"({"__metadata__":{"k":{}}})", 0, "an object where none may stand");
}

TEST(SafetensorsRefusal, KeyThatTheFormatDoesNotHave) {
  ExpectHeaderRefused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"strides":[1]}})", 1,
                      "strides");
}

TEST(SafetensorsRefusal, KeyMissing) {
  ExpectHeaderRefused(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, "lacks one of");
}

TEST(SafetensorsRefusal, UnknownElementType) {
  ExpectHeaderRefused(R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1,
                      R"("F8_E4M3", which is not supported)");
}

TEST(SafetensorsRefusal, DeepNesting) {
  std::string header = R"({"a":{"shape":)";
  header += std::string(100'000, '[');
  ExpectHeaderRefused(header, 0, "a list where none may stand");
}

TEST(SafetensorsRefusal, TooManyDimensions) {
  ExpectHeaderRefused(
      R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1,
      "more than 16");
}

TEST(SafetensorsRefusal, NumbersThatAreNoSizes) {
  const std::string begin = R"({"a":{"dtype":"U8","shape":[)";
  const std::string end = R"(],"data_offsets":[0,1]}})";
  ExpectHeaderRefused(begin + "-1" + end, 1, "negative");
  ExpectHeaderRefused(begin + "1.0" + end, 1, "no 64-bit integer");
  ExpectHeaderRefused(begin + "1e3" + end, 1, "no 64-bit integer");
  ExpectHeaderRefused(begin + "18446744073709551616" + end, 1, "no 64-bit integer");
  ExpectHeaderRefused(begin + "9223372036854775808" + end, 1, "above 2^63");
  ExpectHeaderRefused(begin + "true" + end, 1, "true or false");
  ExpectHeaderRefused(begin + "null" + end, 1, "null");
}

TEST(SafetensorsRefusal, ShapeThatOverflows) {
  ExpectHeaderRefused(
      R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0,
      "overflows");
  ExpectHeaderRefused(R"({"a":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0]}})",
                      0, "overflows");
}

TEST(SafetensorsRefusal, OffsetsThatDoNotFitTheShape) {
  ExpectHeaderRefused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
                      "span 4 bytes, but F32 [2] needs 8");
}

TEST(SafetensorsRefusal, OffsetsThatEndBeforeTheyBegin) {
  ExpectHeaderRefused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1,
                      "end before they begin");
}

TEST(SafetensorsRefusal, OffsetsThatAreNoPair) {
  ExpectHeaderRefused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1, "is not a pair");
}

TEST(SafetensorsRefusal, OverlappingTensors) {
  ExpectHeaderRefused(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                      R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                      6, R"("b": data_offsets [2, 6] overlap)");
}

TEST(SafetensorsRefusal, HoleBetweenTensors) {
  ExpectHeaderRefused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                      R"("b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}})",
                      5, "leave a hole");
}

TEST(SafetensorsRefusal, HoleAtTheBeginning) {
  ExpectHeaderRefused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3,
                      "leave a hole");
}

TEST(SafetensorsRefusal, DataCutShort) {
  ExpectHeaderRefused(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})", 7,
                      "is truncated: the tensors need 8 bytes of data, the file has 7");
}

TEST(SafetensorsRefusal, BytesAfterTheLastTensor) {
  ExpectHeaderRefused(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})", 9,
                      "1 bytes after the last tensor");
}

TEST(SafetensorsRefusal, EveryPrefixOfAGoodFile) {
  const std::string good = Container(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})", 8);
  ASSERT_TRUE(Parse(good).ok());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(Parse(good.substr(0, size)).ok()) << size;
  }
}

TEST(SafetensorsWrite, RoundTripKeepsEverything) {
  const std::vector<float> weights = {1.5F, -0.0F, std::numeric_limits<float>::infinity(), 1e-40F};
  const std::vector<uint8_t> mask = {1, 0, 1};
  const std::vector<int64_t> ids = {2, -7};
  const TempDir dir;
  const std::string path = dir.File("out.safetensors");
  ASSERT_TRUE(WriteSafetensors(path,
                               {{"mask", ElementType::kU8, {3}, mask.data()},
                                {"W \"é\"", ElementType::kF32, {2, 2}, weights.data()},
                                {"ids", ElementType::kI64, {2}, ids.data()},
                                {"empty", ElementType::kF32, {0, 4}, nullptr}},
                               {{"format", "pt"}})
                  .ok());
  const auto file = golden::OpenSafetensors(path);
  EXPECT_EQ(file->tensors().size(), 4u);
  const auto read = golden::Values<float>(*file, "W \"é\"");
  EXPECT_EQ(std::memcmp(read.data(), weights.data(), 16), 0);
  EXPECT_EQ(golden::Values<uint8_t>(*file, "mask"), mask);
  EXPECT_EQ(golden::Values<int64_t>(*file, "ids"), ids);
  EXPECT_THAT(file->Find("empty")->shape, ElementsAre(0, 4));
  EXPECT_EQ(file->metadata().at("format"), "pt");
  for (const auto& [name, tensor] : file->tensors()) EXPECT_TRUE(tensor.is_aligned()) << name;
}

TEST(SafetensorsWrite, FileEqualsTheSerializedBytes) {
  const float value = 3;
  const std::vector<TensorToWrite> tensors = {{"a", ElementType::kF32, {}, &value}};
  const TempDir dir;
  ASSERT_TRUE(WriteSafetensors(dir.File("a.safetensors"), tensors, {}).ok());
  EXPECT_EQ(golden::ReadBytes(dir.File("a.safetensors")), SerializeSafetensors(tensors, {}));
}

TEST(SafetensorsWrite, RewritesAFileOfTheReferenceWriterByteForByte) {
  // The golden file was written by the safetensors package.
  const std::string path = "golden/tiny/model.safetensors";
  const auto file = golden::OpenSafetensors(path);
  std::vector<TensorToWrite> tensors;
  for (const auto& [name, view] : file->tensors()) {
    tensors.push_back({name, view.type, view.shape, view.data});
  }
  EXPECT_EQ(SerializeSafetensors(tensors, file->metadata()), golden::ReadBytes(path));
}

}  // namespace
}  // namespace cajal::checkpoint
