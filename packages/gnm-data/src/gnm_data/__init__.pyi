from gnm_data.arrow_room.painter import Painter as Painter
from gnm_data.arrow_room.room import Body as Body
from gnm_data.arrow_room.room import Room as Room
from gnm_data.arrow_room.truth import look_at as look_at
from gnm_data.digits.contract import Digits as Digits
from gnm_data.digits.contract import DigitSource as DigitSource
from gnm_data.splits import Split as Split
