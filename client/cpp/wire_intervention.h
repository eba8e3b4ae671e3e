// Interventions between the library's plain values and the messages of proto/cajal/v1.
#pragma once

#include "absl/status/statusor.h"
#include "cajal/v1/intervention_service.pb.h"
#include "client/cpp/intervention.h"

namespace cajal::client {

// INVALID_ARGUMENT for text that is not UTF-8. The rest is the server's to judge.
absl::StatusOr<v1::InterveneRequest> ToProto(const InterveneRequest& request);

v1::Positions ToProto(const intervention::Positions& positions);
v1::Operation ToProto(const intervention::Operation& operation);
absl::StatusOr<v1::EditSet> ToProto(const EditSet& set, const std::string& field);
v1::InterventionSettings ToProto(const intervention::RunSettings& settings);
absl::StatusOr<v1::InterventionReport> ToProto(const intervention::Report& report);

InterventionResult FromProto(const v1::InterventionHeader& header);  // without outcomes, tensors
intervention::EditSetOutcome FromProto(const v1::EditSetOutcome& outcome);  // without activations

}  // namespace cajal::client
