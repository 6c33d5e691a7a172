from gnm_baselines.decoders.contract import MapDecoder as MapDecoder
from gnm_baselines.genesis.attention import Attention as Attention
from gnm_baselines.space.contract import Background as Background
from gnm_baselines.space.contract import Foreground as Foreground
from gnm_baselines.space.contract import Seen as Seen
from gnm_baselines.space.contract import Segments as Segments
