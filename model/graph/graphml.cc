#include "model/graph/graphml.h"

#include <libxml/xmlwriter.h>

#include <array>
#include <charconv>
#include <memory>
#include <string>

#include "model/base/status.h"
#include "model/graph/graph_view.h"

namespace cajal::graph {
namespace {

const xmlChar* Xml(const std::string& text) {
  return reinterpret_cast<const xmlChar*>(text.c_str());
}

// The shortest text that reads back as the same number.
std::string NumberText(double number) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof(text), number).ptr);
}

std::string ValueText(const std::string& value) { return value; }
std::string ValueText(int64_t value) { return std::to_string(value); }
std::string ValueText(double value) { return NumberText(value); }

const char* TypeOf(const std::string&) { return "string"; }
const char* TypeOf(int64_t) { return "long"; }
const char* TypeOf(double) { return "double"; }

// libxml2's streaming writer with the sink behind it. The first error, of libxml2 or of the sink,
// is remembered; what is written after it goes nowhere.
class XmlWriter {
 public:
  explicit XmlWriter(const TextSink& sink) : out_(sink) {
    xmlOutputBufferPtr buffer = xmlOutputBufferCreateIO(&XmlWriter::Take, nullptr, this, nullptr);
    writer_.reset(buffer == nullptr ? nullptr : xmlNewTextWriter(buffer));
    Check(writer_ == nullptr
              ? -1
              : xmlTextWriterStartDocument(writer_.get(), nullptr, "UTF-8", nullptr));
  }

  void Start(const std::string& element) {
    Check(xmlTextWriterStartElement(writer_.get(), Xml(element)));
  }
  void Attribute(const std::string& name, const std::string& value) {
    Check(xmlTextWriterWriteAttribute(writer_.get(), Xml(name), Xml(PrintableText(value))));
  }
  void Text(const std::string& text) {
    Check(xmlTextWriterWriteString(writer_.get(), Xml(PrintableText(text))));
  }
  void End() { Check(xmlTextWriterEndElement(writer_.get())); }

  [[nodiscard]] const absl::Status& status() const { return status_; }
  absl::Status Finish() {
    Check(xmlTextWriterEndDocument(writer_.get()));
    writer_.reset();  // flushes
    if (status_.ok()) status_ = out_.Flush();
    return status_;
  }

 private:
  struct Free {
    void operator()(xmlTextWriterPtr writer) const { xmlFreeTextWriter(writer); }
  };

  // libxml2's callback. Always says that all bytes were taken: at an error libxml2 would print to
  // stderr.
  static int Take(void* self, const char* bytes, int size) {
    auto* writer = static_cast<XmlWriter*>(self);
    if (writer->status_.ok()) {
      writer->out_ << std::string_view(bytes, static_cast<size_t>(size));
      writer->status_ = writer->out_.FlushIfFull();
    }
    return size;
  }

  void Check(int result) {
    if (result < 0 && status_.ok()) {
      status_ = absl::InternalError("libxml2 could not write the GraphML document");
    }
  }

  PieceWriter out_;
  absl::Status status_;
  std::unique_ptr<xmlTextWriter, Free> writer_;
};

struct Key {
  const char* name;
  const char* type;
};
constexpr std::array<Key, 9> kNodeKeys = {{{"kind", "string"},
                                           {"layer", "long"},
                                           {"position", "long"},
                                           {"index", "long"},
                                           {"token", "string"},
                                           {"influence", "double"},
                                           {"activation", "double"},
                                           {"weight", "double"},
                                           {"pre_activation", "double"}}};

// Keys are known by ids: "n_layer" for the attribute `layer` of nodes, "g_…" of the graph.
void WriteKey(const std::string& scope, const std::string& name, const std::string& type,
              XmlWriter& xml) {
  xml.Start("key");
  xml.Attribute("id", scope.substr(0, 1) + "_" + name);
  xml.Attribute("for", scope);
  xml.Attribute("attr.name", name);
  xml.Attribute("attr.type", type);
  xml.End();
}

void WriteData(const std::string& key, const std::string& value, XmlWriter& xml) {
  xml.Start("data");
  xml.Attribute("key", key);
  xml.Text(value);
  xml.End();
}

void WriteOptional(const std::string& key, const std::optional<float>& value, XmlWriter& xml) {
  if (value) WriteData(key, NumberText(*value), xml);
}

void WriteNode(const ExportedNode& node, XmlWriter& xml) {
  xml.Start("node");
  xml.Attribute("id", node.id);
  WriteData("n_kind", KindName(node.kind), xml);
  WriteData("n_layer", std::to_string(node.layer), xml);
  WriteData("n_position", std::to_string(node.position), xml);
  WriteData("n_index", std::to_string(node.index), xml);
  WriteData("n_token", node.token, xml);
  WriteData("n_influence", NumberText(node.influence), xml);
  WriteOptional("n_activation", node.activation, xml);
  WriteOptional("n_weight", node.weight, xml);
  WriteOptional("n_pre_activation", node.pre_activation, xml);
  xml.End();
}

void WriteEdge(const std::string& source, const std::string& target, float weight, XmlWriter& xml) {
  xml.Start("edge");
  xml.Attribute("source", source);
  xml.Attribute("target", target);
  WriteData("e_weight", NumberText(weight), xml);
  xml.End();
}

}  // namespace

absl::Status WriteGraphml(const ExportedPart& part, const TextSink& sink) {
  const GraphView view = PrunedView(part.graph, part.pruning);
  const std::vector<GraphAttribute> attributes = DescribeGraph(part);
  XmlWriter xml(sink);
  xml.Start("graphml");
  xml.Attribute("xmlns", "http://graphml.graphdrawing.org/xmlns");
  for (const GraphAttribute& attribute : attributes) {
    WriteKey("graph", attribute.name,
             std::visit([](const auto& value) { return TypeOf(value); }, attribute.value), xml);
  }
  for (const Key& key : kNodeKeys) WriteKey("node", key.name, key.type, xml);
  WriteKey("edge", "weight", "double", xml);

  xml.Start("graph");
  xml.Attribute("edgedefault", "directed");
  for (const GraphAttribute& attribute : attributes) {
    WriteData("g_" + std::string(attribute.name),
              std::visit([](const auto& value) { return ValueText(value); }, attribute.value), xml);
  }
  for (const int32_t node : view.nodes) {
    WriteNode(DescribeNode(part, node), xml);
    RETURN_IF_ERROR(xml.status());
  }
  for (size_t i = 0; i < view.weights.size(); ++i) {
    WriteEdge(NodeId(part.graph, view.sources[i]), NodeId(part.graph, view.targets[i]),
              view.weights[i], xml);
    RETURN_IF_ERROR(xml.status());
  }
  xml.End();
  xml.End();
  return xml.Finish();
}

}  // namespace cajal::graph
