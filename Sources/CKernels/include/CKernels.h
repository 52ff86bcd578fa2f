#ifndef CKERNELS_H
#define CKERNELS_H

#include "convolution.h"
#include "cpu.h"
#include "crc32.h"
#include "crc32c.h"
#include "delta.h"
#include "difference.h"
#include "elementwise.h"
#include "gemm.h"
#include "health.h"
#include "huffman.h"
#include "layers.h"
#include "mapping.h"
#include "memory.h"
#include "optimizers.h"
#include "order.h"
#include "parallel.h"
#include "planes.h"
#include "random.h"
#include "rans.h"
#include "recurrent.h"
#include "reductions.h"
#include "sha256.h"
#include "statistics.h"

#endif
