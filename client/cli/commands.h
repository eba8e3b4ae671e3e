// The commands of `cajal`, one file each. Each function adds a subcommand with its flags.
#pragma once

#include "client/cli/command.h"

namespace cajal::cli {

Command AddInfoCommand(CLI::App* cajal);         // info_command.cc
Command AddTokenizeCommand(CLI::App* cajal);     // tokenize_command.cc
Command AddForwardCommand(CLI::App* cajal);      // forward_command.cc
Command AddGenerateCommand(CLI::App* cajal);     // generate_command.cc
Command AddGraphCommand(CLI::App* cajal);        // graph_command.cc
Command AddGraphsCommand(CLI::App* cajal);       // graphs_command.cc
Command AddConvertCommand(CLI::App* cajal);      // convert_command.cc
Command AddPruneCommand(CLI::App* cajal);        // prune_command.cc
Command AddScoreCommand(CLI::App* cajal);        // score_command.cc
Command AddExportCommand(CLI::App* cajal);       // export_command.cc
Command AddEvaluateCommand(CLI::App* cajal);     // evaluate_command.cc
Command AddPathsCommand(CLI::App* cajal);        // paths_command.cc
Command AddConeCommand(CLI::App* cajal);         // cone_command.cc
Command AddRolloutCommand(CLI::App* cajal);      // rollout_command.cc
Command AddJobsCommand(CLI::App* cajal);         // jobs_command.cc
Command AddCompareCommand(CLI::App* cajal);      // compare_command.cc
Command AddFoldCommand(CLI::App* cajal);         // fold_command.cc
Command AddLabelCommand(CLI::App* cajal);        // label_command.cc
Command AddPinCommand(CLI::App* cajal);          // pin_command.cc
Command AddAnnotationsCommand(CLI::App* cajal);  // annotations_command.cc
Command AddClampCommand(CLI::App* cajal);        // clamp_command.cc
Command AddInterveneCommand(CLI::App* cajal);    // intervene_command.cc
Command AddCutCommand(CLI::App* cajal);          // cut_command.cc
Command AddPatchCommand(CLI::App* cajal);        // patch_command.cc
Command AddValidateCommand(CLI::App* cajal);     // validate_command.cc
Command AddImportCommand(CLI::App* cajal);       // import_command.cc
Command AddWatchCommand(CLI::App* cajal);        // watch_command.cc

}  // namespace cajal::cli
