// The messages of TensorBoard's event files; internal to serialize/. Their fields are numbered as in
// tensorboard/compat/proto and tensorboard/plugins/*/*.proto.
#pragma once

#include "serialize/tensorboard.h"
#include "serialize/wire_format.h"

namespace fg::tensorboard {

/// Seconds since 1970.
double now();

/// When and at which step; the event's content is added to it.
WireMessage event(SummaryWriter::Step step, SummaryWriter::WallTime walltime);
/// An Event with a Summary of one Value: the tag, and the other fields as in `value`.
std::string summary_event(const std::string& tag, const WireMessage& value,
                          SummaryWriter::Step step, SummaryWriter::WallTime walltime);

/// Throws unless `text` is UTF-8; `op` and `argument` begin the error.
void check_utf8(const char* op, const char* argument, const std::string& text);

WireMessage histogram(const Tensor& values);
WireMessage histogram(double min, double max, double num, double sum, double sum_squares,
                      const std::vector<double>& bucket_limits,
                      const std::vector<double>& bucket_counts);
WireMessage image(const char* op, const Tensor& img_tensor, const std::string& dataformats);
/// The fields of a Value that shows text.
WireMessage text(const std::string& text);
WireMessage graph(const std::vector<GraphNode>& nodes);

/// The three events that show hyperparameters and their metrics.
std::vector<std::string> hparam_events(const HParamDict& hparams, const ScalarDict& metrics,
                                       SummaryWriter::Step step);

}  // namespace fg::tensorboard
