// SwiftPM takes a target with at least one source; the functions are in Sources/ModelRegC.
#include "modelreg.h"
