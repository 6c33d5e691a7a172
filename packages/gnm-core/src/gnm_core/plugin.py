"""Registers what this package offers, through the same hook as every other plugin."""

from gnm_core import hookimpl
from gnm_core.registry import Register


@hookimpl
def gnm_register(register: Register) -> None:
    """Add the parts and commands of gnm-core."""
    register.command("check", "gnm_core.cli.check:check", "try every law of their contracts on a package's parts")
    register.command(
        "compare", "gnm_core.cli.compare:compare", "print the numbers of several evaluated runs side by side"
    )
    register.command("completion", "gnm_core.cli.completion:completion", "make a shell complete gnm's commands")
    register.command("compose", "gnm_core.cli.compose:compose", "print the model that a spec describes, and check it")
    register.command("env", "gnm_core.cli.env:env", "print what a report of a fault should say of this machine")
    register.command("evaluate", "gnm_core.cli.evaluate:evaluate", "measure trained models; tables, figures, a report")
    register.command("export", "gnm_core.cli.export:export", "write a trained model as a folder to give away")
    register.command("new", "gnm_core.cli.new:new", "write the folder of a new plugin")
    register.command("parts", "gnm_core.cli.parts:parts", "list the parts that a spec can name")
    register.command("plugins", "gnm_core.cli.plugins:plugins", "list the packages that provide parts")
    register.command("specs", "gnm_core.cli.specs:specs", "list the specs that come with the packages")
    register.command("pretrained", "gnm_core.cli.pretrained:pretrained", "list the trained models of the packages")
    register.command("start", "gnm_core.cli.start:start", "look at a folder of pictures, and write a spec for them")
    register.command("runs", "gnm_core.cli.runs:runs", "list trained runs: sort, filter, what each has reached")
    register.command("study", "gnm_core.cli.study:study", "train and compare many variants of a spec, from one file")
    register.command("train", "gnm_core.cli.train:train", "train a model, or go on training it")
    register.schedule("constant", "gnm_core.parts.schedules.constant:Constant")
    register.schedule("linear", "gnm_core.parts.schedules.linear:Linear")
    register.schedule("cosine", "gnm_core.parts.schedules.cosine:Cosine")
    register.schedule("steps", "gnm_core.parts.schedules.steps:Steps")
    register.schedule("piecewise", "gnm_core.parts.schedules.piecewise:Piecewise")
    register.objective("elbo", "gnm_core.parts.objectives.elbo:ELBO")
    register.objective("geco", "gnm_core.parts.objectives.geco:GECO")
    for name, optimizer in (
        ("rmsprop", "gnm_core.parts.optimizers.rmsprop:RMSprop"),
        ("adam", "gnm_core.parts.optimizers.adam:Adam"),
        ("adamw", "gnm_core.parts.optimizers.adamw:AdamW"),
        ("sgd", "gnm_core.parts.optimizers.sgd:SGD"),
    ):
        register.optimizer(name, optimizer)
    register.logger("tensorboard", "gnm_core.parts.loggers.tensorboard:TensorBoard")
    register.logger("mlflow", "gnm_core.parts.loggers.mlflow:MLflow")
    register.data("image-folder", "gnm_core.parts.data.image_folder:ImageFolder")
    register.data("turned", "gnm_core.parts.data.turned:Turned")
    register.encoder("conv", "gnm_core.parts.encoders.conv:ConvEncoder")
    register.encoder("timm", "gnm_core.parts.encoders.timm:TimmEncoder")
    register.glimpse_encoder("mlp", "gnm_core.parts.glimpse_encoders.mlp:MlpGlimpseEncoder")
    register.background_encoder("surroundings", "gnm_core.parts.background_encoders.surroundings:Surroundings")
    register.core("structdraw", "gnm_core.parts.cores.structdraw:StructDRAW")
    register.core("cells", "gnm_core.parts.cores.cells:Cells")
    register.prior("autoregressive", "gnm_core.parts.priors.autoregressive:AutoregressivePrior")
    register.prior("mixture", "gnm_core.parts.priors.mixture:MixturePrior")
    register.prior("flow", "gnm_core.parts.priors.flow:FlowPrior")
    register.prior("standard-normal", "gnm_core.parts.priors.standard_normal:StandardNormal")
    register.prior("bernoulli", "gnm_core.parts.priors.bernoulli:BernoulliPrior")
    register.prior("normal", "gnm_core.parts.priors.normal:NormalPrior")
    register.curriculum("box-mask", "gnm_core.parts.curricula.box_mask:BoxMask")
    register.curriculum("in-turn", "gnm_core.parts.curricula.in_turn:InTurn")
    register.curriculum("image-alpha", "gnm_core.parts.curricula.image_alpha:ImageAlpha")
    register.model("gnm", "gnm_core.gnm.model:GNM")
    register.command("import", "gnm_core.cli.import_published:import_published", "take over published weights")
    for name, metric in (
        ("ap", "gnm_core.evaluation.metrics.detection:AveragePrecision"),
        ("counting", "gnm_core.evaluation.metrics.counting:Counting"),
        ("diversity", "gnm_core.evaluation.metrics.diversity:Diversity"),
        ("d-steps", "gnm_core.evaluation.metrics.d_steps:DSteps"),
        ("ll", "gnm_core.evaluation.metrics.likelihood:LogLikelihood"),
        ("reconstruction", "gnm_core.evaluation.metrics.reconstruction:ReconstructionError"),
        ("s-acc", "gnm_core.evaluation.metrics.structure:StructureAccuracy"),
        ("segmentation", "gnm_core.evaluation.metrics.segmentation:Segmentation"),
        ("structure-levels", "gnm_core.evaluation.metrics.structure_levels:StructureLevels"),
        ("speed", "gnm_core.evaluation.metrics.speed:SamplingSpeed"),
        ("what-classification", "gnm_core.evaluation.metrics.what:WhatClassification"),
    ):
        register.metric(name, metric)
    register.specs("gnm_core:specs")
    for name, function in (
        ("conv-stack", "gnm_core.native.conv_stack:KERNEL"),
        ("conv-stack", "gnm_core.fused.conv_stack:conv_stack"),
        ("celu-norm-1d", "gnm_core.native.celu_norm:celu_norm_1d"),
        ("celu-norm-1d", "gnm_core.fused.celu_norm:celu_norm_1d"),
        ("celu-norm-2d", "gnm_core.fused.celu_norm:celu_norm_2d"),
        ("subpixel-conv", "gnm_core.fused.subpixel_conv:subpixel_conv"),
        ("conv-lstm", "gnm_core.native.lstm:conv_lstm"),
        ("conv-lstm", "gnm_core.fused.conv_lstm:conv_lstm"),
        ("pointwise-heads", "gnm_core.fused.pointwise_heads:pointwise_heads"),
        ("rmsprop-step", "gnm_core.native.rmsprop:rmsprop_step"),
    ):
        register.kernel(name, function)
