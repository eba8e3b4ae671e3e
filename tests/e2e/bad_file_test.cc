// Files, folders and ports that cajald must not start with. Each time it ends with exit code 1 and
// a sentence that names the file and, where there is one, the tensor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/e2e/cajald_process.h"
#include "tests/golden_util.h"

namespace cajal::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

// A file of safetensors, taken apart.
struct Container {
  json header;
  std::string data;

  explicit Container(const std::string& bytes) {
    uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
    header = json::parse(bytes.substr(sizeof(header_bytes), header_bytes));
    data = bytes.substr(sizeof(header_bytes) + header_bytes);
  }
  [[nodiscard]] std::string Bytes() const {
    const std::string text = header.dump();
    const uint64_t header_bytes = text.size();
    std::string bytes(reinterpret_cast<const char*>(&header_bytes), sizeof(header_bytes));
    return bytes + text + data;
  }
};

// A way to spoil one tensor of a file. Takes and returns the file's bytes.
struct Damage {
  const char* name;
  std::function<std::string(const std::string& bytes, const std::string& tensor)> spoil;
  bool names_tensor = true;
};

std::string Edited(const std::string& bytes, const std::function<void(Container*)>& edit) {
  Container container(bytes);
  edit(&container);
  return container.Bytes();
}

std::string WithValue(const std::string& bytes, const std::string& tensor, float value) {
  return Edited(bytes, [&](Container* c) {
    const size_t begin = c->header[tensor]["data_offsets"][0];
    std::memcpy(c->data.data() + begin + 5 * sizeof(value), &value, sizeof(value));
  });
}

// Ends in the middle of the tensor, which is then the last one.
std::string CutShort(const std::string& bytes, const std::string& tensor) {
  return Edited(bytes, [&](Container* c) {
    const size_t begin = c->header[tensor]["data_offsets"][0];
    c->data.resize(begin + 10);
  });
}

std::string Overlapping(const std::string& bytes, const std::string& tensor) {
  return Edited(bytes, [&](Container* c) {
    json& offsets = c->header[tensor]["data_offsets"];
    const size_t size = offsets[1].get<size_t>() - offsets[0].get<size_t>();
    const size_t begin = offsets[0].get<size_t>() >= 4 ? offsets[0].get<size_t>() - 4 : 4;
    offsets = {begin, begin + size};
  });
}

std::string Oversized(const std::string& bytes, const std::string& tensor) {
  return Edited(bytes, [&](Container* c) {
    c->header[tensor]["shape"] = {1ull << 40, 1ull << 40};
  });
}

std::string PastTheEnd(const std::string& bytes, const std::string& tensor) {
  return Edited(bytes, [&](Container* c) {
    json& offsets = c->header[tensor]["data_offsets"];
    offsets = {offsets[0].get<size_t>() + (1ull << 40), offsets[1].get<size_t>() + (1ull << 40)};
  });
}

std::string OfAnotherType(const std::string& bytes, const std::string& tensor) {
  return Edited(bytes, [&](Container* c) { c->header[tensor]["dtype"] = "F16"; });
}

std::string Reshaped(const std::string& bytes, const std::string& tensor) {
  return Edited(bytes, [&](Container* c) {
    size_t n_elements = 1;
    for (const json& side : c->header[tensor]["shape"]) n_elements *= side.get<size_t>();
    c->header[tensor]["shape"] = {n_elements / 2, 2};
  });
}

std::string Renamed(const std::string& bytes, const std::string& tensor) {
  return Edited(bytes, [&](Container* c) {
    c->header["stranger"] = c->header[tensor];
    c->header.erase(tensor);
  });
}

std::string WithHugeHeader(const std::string& bytes, const std::string&) {
  return "\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes.substr(8);
}

const Damage kDamages[] = {
    {"CutShort", CutShort, /*names_tensor=*/false},
    {"HeaderLongerThanTheFile", WithHugeHeader, /*names_tensor=*/false},
    {"Empty", [](auto&, auto&) { return std::string(); }, /*names_tensor=*/false},
    {"NoSafetensors", [](auto&, auto&) { return std::string(4096, 'x'); }, /*names_tensor=*/false},
    {"Overlapping", Overlapping},
    {"Oversized", Oversized},
    {"PastTheEnd", PastTheEnd, /*names_tensor=*/false},  // the hole is the next tensor's fault
    {"OfAnotherType", OfAnotherType},
    {"Misshapen", Reshaped},
    {"Missing", Renamed},
    {"Nan", [](auto& b, auto& t) { return WithValue(b, t, NAN); }},
    {"Infinite",
     [](auto& b, auto& t) { return WithValue(b, t, std::numeric_limits<float>::infinity()); }},
};

void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

// Exit code 1, nothing on stdout, and as the last line of stderr one that holds the words.
void ExpectRefusal(const ProcessResult& result, const std::vector<std::string>& words) {
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(result.out, "");
  const size_t sentence = result.err.rfind("cajald: ");
  ASSERT_NE(sentence, std::string::npos) << result.err;
  const std::string said = result.err.substr(sentence);
  for (const std::string& word : words) EXPECT_THAT(said, HasSubstr(word));
  EXPECT_EQ(said.find('\n'), said.size() - 1) << "more than one line: " << said;
}

class BadFile : public ::testing::Test {
 protected:
  // A copy of the model or of a set, to be spoilt.
  [[nodiscard]] std::string Copy(const std::string& folder) const {
    const std::string copy = dir_.File("copy");
    fs::copy(folder, copy, fs::copy_options::recursive);
    return copy;
  }
  static void Write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  // Replaces the first `from` of a text file.
  static void Replace(const std::string& path, const std::string& from, const std::string& to) {
    std::string text = golden::ReadBytes(path);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << path << " has no " << from;
    Write(path, text.replace(at, from.size(), to));
  }

  const TempDir dir_;
};

class DamagedModel : public BadFile, public ::testing::WithParamInterface<Damage> {};

TEST_P(DamagedModel, IsRefusedByFileAndTensor) {
  const std::string tensor = "language_model.model.layers.2.mlp.up_proj.weight";
  const std::string model = Copy("golden/tiny");
  const std::string file = model + "/model.safetensors";
  Write(file, GetParam().spoil(golden::ReadBytes(file), tensor));
  std::vector<std::string> words = {model};
  if (GetParam().names_tensor) words.push_back("layers.2.mlp.up_proj.weight");
  ExpectRefusal(RunCajald({.model_dir = model}), words);
}

INSTANTIATE_TEST_SUITE_P(BadFile, DamagedModel, ::testing::ValuesIn(kDamages),
                         [](const auto& test) { return test.param.name; });

class DamagedTranscoder : public BadFile, public ::testing::WithParamInterface<Damage> {};

TEST_P(DamagedTranscoder, IsRefusedByFileAndTensor) {
  const std::string set = Copy("golden/transcoders/plt_topk");
  const std::string file = set + "/layer_3.safetensors";
  Write(file, GetParam().spoil(golden::ReadBytes(file), "W_dec"));
  std::vector<std::string> words = {file};
  if (GetParam().names_tensor) words.push_back("W_dec");
  ExpectRefusal(RunCajald({.transcoder_dir = set}), words);
}

INSTANTIATE_TEST_SUITE_P(BadFile, DamagedTranscoder, ::testing::ValuesIn(kDamages),
                         [](const auto& test) { return test.param.name; });

TEST_F(BadFile, ASetForAModelWithFewerLayersIsRefused) {
  const std::string set = Copy("golden/transcoders/plt_topk");
  Replace(set + "/config.yaml", "- layer_5.safetensors\n", "");
  Replace(set + "/config.yaml", "4, 5]", "4]");
  Replace(set + "/config.yaml", "num_model_layers: 6", "num_model_layers: 5");
  ExpectRefusal(RunCajald({.transcoder_dir = set}),
                {set + "/config.yaml", "5 layers", "the model has 6", "another model"});
}

TEST_F(BadFile, ASetOfAnotherWidthIsRefused) {
  const std::string set = Copy("golden/transcoders/plt_topk");
  for (int layer = 0; layer < 6; ++layer) {
    const std::string file = set + "/layer_" + std::to_string(layer) + ".safetensors";
    Write(file, Edited(golden::ReadBytes(file), [](Container* c) {
            c->header["W_enc"]["shape"] = {256 * 2, 32};
            c->header["W_dec"]["shape"] = {256 * 2, 32};
          }));
  }
  ExpectRefusal(RunCajald({.transcoder_dir = set}), {"layer_0.safetensors", "W_enc", "[512, 32]"});
}

TEST_F(BadFile, AModelFolderThatIsAbsentIsNamed) {
  ExpectRefusal(RunCajald({.model_dir = dir_.File("nowhere")}), {dir_.File("nowhere")});
}

TEST_F(BadFile, ATranscoderFolderThatIsAbsentIsNamed) {
  ExpectRefusal(RunCajald({.transcoder_dir = dir_.File("nowhere")}), {dir_.File("nowhere")});
}

TEST_F(BadFile, AModelWithoutConfigIsRefused) {
  const std::string model = Copy("golden/tiny");
  fs::remove(model + "/config.json");
  ExpectRefusal(RunCajald({.model_dir = model}), {model + "/config.json"});
}

TEST_F(BadFile, AConfigThatIsNoJsonIsRefused) {
  const std::string model = Copy("golden/tiny");
  Write(model + "/config.json", "{\"model_type\": ");
  ExpectRefusal(RunCajald({.model_dir = model}), {model + "/config.json", "JSON"});
}

TEST_F(BadFile, AConfigOfAnotherKindOfModelIsRefused) {
  const std::string model = Copy("golden/tiny");
  Replace(model + "/config.json", "\"model_type\": \"gemma3\"", "\"model_type\": \"llama\"");
  ExpectRefusal(RunCajald({.model_dir = model}), {model + "/config.json", "llama"});
}

TEST_F(BadFile, AModelWithoutTokenizerIsRefused) {
  const std::string model = Copy("golden/tiny");
  fs::remove(model + "/tokenizer.json");
  fs::remove(model + "/tokenizer.model");
  ExpectRefusal(RunCajald({.model_dir = model}), {model, "tokenizer"});
}

TEST_F(BadFile, AModelWithoutWeightsIsRefused) {
  const std::string model = Copy("golden/tiny");
  fs::remove(model + "/model.safetensors");
  ExpectRefusal(RunCajald({.model_dir = model}), {model, "model.safetensors"});
}

TEST_F(BadFile, ASetWithoutOneLayersFileIsRefused) {
  const std::string set = Copy("golden/transcoders/plt_topk");
  fs::remove(set + "/layer_3.safetensors");
  ExpectRefusal(RunCajald({.transcoder_dir = set}), {"layer_3.safetensors"});
}

TEST_F(BadFile, APortThatAnotherServerHasIsNamed) {
  CajaldProcess first;
  ExpectRefusal(RunCajald({.flags = {"--listen", first.address()}}), {first.address(), "taken"});
  ExpectServes(&first);
}

TEST_F(BadFile, ADataFolderThatAnotherServerHasIsNamed) {
  CajaldProcess first({.data_dir = dir_.path()});
  ExpectRefusal(RunCajald({.data_dir = dir_.path()}), {dir_.path(), "in use"});
  ExpectServes(&first);
}

TEST_F(BadFile, ADataFolderThatCannotBeWrittenIsNamed) {
  // Below a file, which not even the superuser can write.
  const std::string folder = dir_.Write("file", "") + "/data";
  ExpectRefusal(RunCajald({.data_dir = folder}), {folder});
}

TEST_F(BadFile, ADataFolderWithADamagedDatabaseIsNamed) {
  {
    CajaldProcess first({.data_dir = dir_.path()});
    EXPECT_EQ(first.Terminate(), 0);  // a kill would leave a log that mends the file
  }
  for (const auto& entry : fs::directory_iterator(dir_.path())) {
    if (entry.path().extension() == ".sqlite3")
      Write(entry.path().string(), std::string(8192, 'x'));
  }
  ExpectRefusal(RunCajald({.data_dir = dir_.path()}), {dir_.path()});
}

}  // namespace
}  // namespace cajal::e2e
