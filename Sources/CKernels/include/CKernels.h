#ifndef CKERNELS_H
#define CKERNELS_H

#include "crc32c.h"
#include "delta.h"
#include "health.h"
#include "path.h"
#include "planes.h"
#include "rans.h"
#include "statistics.h"

#endif
