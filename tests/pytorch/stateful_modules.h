// One module of every kind that has a state, under the names that models.py gives to PyTorch's counterparts.
#pragma once

#include <vector>

#include "nn/modules.h"
#include "tensor/factories.h"

namespace fg::test {

/// Containers in containers, a parameter and buffers of its own, one of them not persistent.
struct Nested : nn::Module {
  Nested() {
    register_parameter("scale", ones({2}));
    register_buffer("steps", zeros({}, kLong));
    register_buffer("scratch", zeros({3}), /*persistent=*/false);
    register_module(
        "list", nn::ModuleList(nn::Linear(2, 3),
                               nn::Sequential(nn::Linear(3, 2), nn::ReLU(), nn::BatchNorm1d(2))));
    const nn::ModuleDictImpl::Pairs pairs = {{"left", nn::Linear(2, 1).ptr()},
                                             {"right", nn::Conv1d(1, 2, 3).ptr()}};
    register_module("dict", nn::ModuleDict(pairs));
    register_module("parameters_list", nn::ParameterList(ones({2}), ones({3, 1})));
    nn::ParameterDict parameters;
    parameters->insert("b", ones({4}));
    register_module("parameters_dict", parameters);
  }
};

inline std::vector<std::pair<std::string, std::shared_ptr<nn::Module>>> stateful_modules() {
  using namespace nn;
  const Tensor weight = ones({3});
  const auto encoder_layer = TransformerEncoderLayerOptions(8, 2).dim_feedforward(12);
  const auto decoder_layer = TransformerDecoderLayerOptions(8, 2).dim_feedforward(12);
  const AnyModule norm(LayerNorm(LayerNormOptions({8})));
  return {
      {"Linear", Linear(3, 2).ptr()},
      {"Linear without bias", Linear(LinearOptions(3, 2).bias(false)).ptr()},
      {"Bilinear", Bilinear(2, 3, 4).ptr()},
      {"Conv1d", Conv1d(Conv1dOptions(4, 6, 3).groups(2)).ptr()},
      {"Conv2d", Conv2d(Conv2dOptions(4, 6, {3, 2})).ptr()},
      {"Conv3d", Conv3d(Conv3dOptions(4, 6, 3).bias(false)).ptr()},
      {"ConvTranspose1d", ConvTranspose1d(ConvTranspose1dOptions(4, 6, 3).groups(2)).ptr()},
      {"ConvTranspose2d", ConvTranspose2d(4, 6, 3).ptr()},
      {"ConvTranspose3d", ConvTranspose3d(4, 6, 3).ptr()},
      {"BatchNorm1d", BatchNorm1d(3).ptr()},
      {"BatchNorm2d", BatchNorm2d(BatchNorm2dOptions(3).affine(false)).ptr()},
      {"BatchNorm3d", BatchNorm3d(BatchNorm3dOptions(3).track_running_stats(false)).ptr()},
      {"InstanceNorm1d", InstanceNorm1d(InstanceNorm1dOptions(3).affine(true)).ptr()},
      {"InstanceNorm2d", InstanceNorm2d(InstanceNorm2dOptions(3).track_running_stats(true)).ptr()},
      {"InstanceNorm3d",
       InstanceNorm3d(InstanceNorm3dOptions(3).affine(true).track_running_stats(true)).ptr()},
      {"GroupNorm", GroupNorm(2, 4).ptr()},
      {"LayerNorm", LayerNorm(LayerNormOptions({2, 3})).ptr()},
      {"PReLU", PReLU(PReLUOptions().num_parameters(3)).ptr()},
      {"Embedding", Embedding(EmbeddingOptions(5, 3).padding_idx(1)).ptr()},
      {"EmbeddingBag", EmbeddingBag(5, 3).ptr()},
      {"RNN", RNN(RNNOptions(3, 4).num_layers(2)).ptr()},
      {"LSTM", LSTM(LSTMOptions(3, 4).num_layers(2).bidirectional(true)).ptr()},
      {"LSTM with projection", LSTM(LSTMOptions(3, 4).proj_size(2)).ptr()},
      {"GRU", GRU(GRUOptions(3, 4).bias(false).bidirectional(true)).ptr()},
      {"RNNCell", RNNCell(RNNCellOptions(3, 4)).ptr()},
      {"LSTMCell", LSTMCell(LSTMCellOptions(3, 4)).ptr()},
      {"GRUCell", GRUCell(GRUCellOptions(3, 4).bias(false)).ptr()},
      {"MultiheadAttention", MultiheadAttention(8, 2).ptr()},
      {"MultiheadAttention of other widths",
       MultiheadAttention(MultiheadAttentionOptions(8, 2).add_bias_kv(true).kdim(3).vdim(5)).ptr()},
      {"TransformerEncoderLayer", TransformerEncoderLayer(encoder_layer).ptr()},
      {"TransformerDecoderLayer", TransformerDecoderLayer(decoder_layer).ptr()},
      {"TransformerEncoder",
       TransformerEncoder(TransformerEncoderOptions(encoder_layer, 2).norm(norm)).ptr()},
      {"TransformerDecoder",
       TransformerDecoder(TransformerDecoderOptions(decoder_layer, 2).norm(norm)).ptr()},
      {"Transformer", Transformer(TransformerOptions(8, 2, 1, 2).dim_feedforward(12)).ptr()},
      {"AdaptiveLogSoftmaxWithLoss",
       AdaptiveLogSoftmaxWithLoss(
           AdaptiveLogSoftmaxWithLossOptions(8, 10, {2, 5}).div_value(2.0).head_bias(true))
           .ptr()},
      {"CrossEntropyLoss", CrossEntropyLoss(CrossEntropyLossOptions().weight(weight)).ptr()},
      {"NLLLoss", NLLLoss(NLLLossOptions().weight(weight)).ptr()},
      {"BCELoss", BCELoss(BCELossOptions().weight(weight)).ptr()},
      {"BCEWithLogitsLoss",
       BCEWithLogitsLoss(BCEWithLogitsLossOptions().weight(weight).pos_weight(weight)).ptr()},
      {"MultiLabelSoftMarginLoss",
       MultiLabelSoftMarginLoss(MultiLabelSoftMarginLossOptions().weight(weight)).ptr()},
      {"MultiMarginLoss", MultiMarginLoss(MultiMarginLossOptions().weight(weight)).ptr()},
      {"Nested", std::make_shared<Nested>()},
  };
}

}  // namespace fg::test
