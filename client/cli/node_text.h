// Single nodes of graphs as people and programs read them.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "client/cli/format.h"
#include "client/cpp/graph.h"

namespace cajal::cli {

// "L3 feature 77 at \" planet\" (21)". Where it is, only if that differs from `before`, which may
// be null. `several_pictures`: whether a picture must be told by its number.
std::string NodeText(const client::PathNode& node, const client::PathNode* before,
                     bool several_pictures);

// What a node of a graph that has come with its tokens is in words.
client::PathNode WordsFor(const client::Graph& graph, const client::Node& node);

// Adds the pictures that nodes lie in.
void AddPictures(const std::vector<client::PathNode>& nodes, std::set<int32_t>* pictures);

// {"id": …, "kind": …, "layer": …, …, "image_place": {…}}
Json NodeJson(const client::PathNode& node);

// How flags name sets of nodes: a sentence for help texts.
std::string NodeSetsHelp();

}  // namespace cajal::cli
