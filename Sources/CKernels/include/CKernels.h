#ifndef CKERNELS_H
#define CKERNELS_H

#include "crc32c.h"

#endif
