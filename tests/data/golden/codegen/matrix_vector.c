/*
 * matrix times vector on two-level: a mapping as a C99 program, printed by dmaze-solve codegen.
 *
 *   y[M] += A[M][K] * x[K]
 *   for M < 4, K < 6: 24 multiply-accumulates
 *
 * The machine and the mapping, from the outermost node in:
 *
 *   DRAM: loops K 2, M 2
 *     keeps A: 4 x 6 = 24 elements, 48 bytes
 *     keeps x: 6 elements, 12 bytes
 *     keeps y: 4 elements, 16 bytes
 *   PE (fanout, 6 of 8 used): M 2, K 3; adds up 3 partial sums of y
 *   RF (64 bytes, 6 instances): loops none
 *     keeps A: 1 x 1 = 1 element, 2 bytes
 *     keeps x: 1 element, 2 bytes
 *     keeps y: 1 element, 4 bytes
 *
 * Every level has an array for each tensor that it keeps, of the size of its tile; a copy stands where the tile
 *   changes, above the innermost loops that do not index the tensor (it is stationary there). Loops at a fanout stand
 *   for instances that work side by side; here they take turns, and arrays inside begin with the instance. Copies move
 *   whole tiles.
 *
 * The program fills the tensors with small integers, computes the output as mapped and by the plain loop nest, and
 *   prints OK (exit 0) or the first difference (exit 1). Compile it with: cc -std=c99 -O2 (static arrays: 448 bytes).
 */
#include <stdint.h>
#include <stdio.h>

typedef int64_t elem; /* an element: wide enough for exact sums; comments give its size on the machine */
typedef int64_t idx;  /* a loop variable */

/* DRAM */
static elem DRAM_A[4][6]; /* A[M][K]: 4 x 6 = 24 elements, 48 bytes */
static elem DRAM_x[6]; /* x[K]: 6 elements, 12 bytes */
static elem DRAM_y[4]; /* y[M]: 4 elements, 16 bytes */

/* RF, instance [M_PE][K_PE] */
static elem RF_A[2][3][1][1]; /* 1 x 1 = 1 element, 2 bytes */
static elem RF_x[2][3][1]; /* 1 element, 2 bytes */
static elem RF_y[2][3][1]; /* 1 element, 4 bytes */

/* y by the plain loop nest */
static elem expected_y[4]; /* y[M]: 4 elements, 16 bytes */

/* A, DRAM -> RF: 4 times a tile of 1 element (2 bytes) for each of 6 instances. */
static void fill_RF_A(idx K_DRAM, idx M_DRAM)
{
  for (idx M_PE = 0; M_PE < 2; M_PE++)
    for (idx K_PE = 0; K_PE < 3; K_PE++)
      RF_A[M_PE][K_PE][0][0] = DRAM_A[2*M_DRAM + M_PE][3*K_DRAM + K_PE];
}

/* x, DRAM -> RF: 2 times a tile of 1 element (2 bytes) for each of 6 instances. PE sends what several instances
   need once (multicast). */
static void fill_RF_x(idx K_DRAM)
{
  for (idx M_PE = 0; M_PE < 2; M_PE++)
    for (idx K_PE = 0; K_PE < 3; K_PE++)
      RF_x[M_PE][K_PE][0] = DRAM_x[3*K_DRAM + K_PE];
}

/* y, DRAM -> RF: 4 times a tile of 1 element (4 bytes) for each of 6 instances. The first visit starts from zero,
   later ones read the partial sums back by one of the instances that share it. */
static void fill_RF_y(idx K_DRAM, idx M_DRAM)
{
  const int first = K_DRAM == 0;
  for (idx M_PE = 0; M_PE < 2; M_PE++)
    for (idx K_PE = 0; K_PE < 3; K_PE++)
      RF_y[M_PE][K_PE][0] = first || K_PE > 0 ? 0 : DRAM_y[2*M_DRAM + M_PE];
}

/* y, RF -> DRAM: 4 times a tile of 1 element (4 bytes) for each of 6 instances. PE adds up 3 partial sums of each
   word. */
static void drain_RF_y(idx M_DRAM)
{
  for (idx M_PE = 0; M_PE < 2; M_PE++)
    for (idx K_PE = 0; K_PE < 3; K_PE++)
      if (K_PE == 0)
        DRAM_y[2*M_DRAM + M_PE] = RF_y[M_PE][K_PE][0];
      else
        DRAM_y[2*M_DRAM + M_PE] += RF_y[M_PE][K_PE][0];
}

static void tiled_nest(void)
{
  for (idx K_DRAM = 0; K_DRAM < 2; K_DRAM++) { /* DRAM: K in 2 steps of 3 */
    fill_RF_x(K_DRAM); /* 2 x 1 element; stationary over M_DRAM */
    for (idx M_DRAM = 0; M_DRAM < 2; M_DRAM++) { /* DRAM: M in 2 steps of 2 */
      fill_RF_A(K_DRAM, M_DRAM); /* 4 x 1 element */
      fill_RF_y(K_DRAM, M_DRAM); /* 4 x 1 element */
      for (idx M_PE = 0; M_PE < 2; M_PE++) { /* PE, in parallel: M over 2 instances, 1 each */
        for (idx K_PE = 0; K_PE < 3; K_PE++) { /* PE, in parallel: K over 3 instances, 1 each */
          RF_y[M_PE][K_PE][0]
            += RF_A[M_PE][K_PE][0][0]
             * RF_x[M_PE][K_PE][0];
        }
      }
      drain_RF_y(M_DRAM); /* 4 x 1 element */
    }
  }
}

/* Pseudo-random integers from -8 to 8 without 0, so that every product counts. */
static elem next_value(void)
{
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  const elem value = (elem)((state >> 16) % 16u) - 8;
  return value < 0 ? value : value + 1;
}

static void fill_tensors(void)
{
  for (idx x0 = 0; x0 < 4; x0++)
    for (idx x1 = 0; x1 < 6; x1++)
      DRAM_A[x0][x1] = next_value();
  for (idx x0 = 0; x0 < 6; x0++)
    DRAM_x[x0] = next_value();
}

/* The same without a mapping */
static void plain_nest(void)
{
  for (idx M = 0; M < 4; M++)
    for (idx K = 0; K < 6; K++)
      expected_y[M] += DRAM_A[M][K] * DRAM_x[K];
}

static int first_difference(void)
{
  for (idx x0 = 0; x0 < 4; x0++)
    if (DRAM_y[x0] != expected_y[x0]) {
      printf("first difference: y[%lld] is %lld; the plain loop nest has %lld\n",
             (long long)(x0),
             (long long)DRAM_y[x0],
             (long long)expected_y[x0]);
      return 1;
    }
  return 0;
}

int main(void)
{
  fill_tensors();
  tiled_nest();
  plain_nest();
  if (first_difference())
    return 1;
  printf("OK: y equals the plain loop nest's (24 multiply-accumulates, 4 elements)\n");
  return 0;
}
