/* Cutout boxes: which square windows of a picture CLIP looks at.
 *
 * The rules of the public notebooks with their draws given, so that they are
 * tested without random numbers and shared by every source of draws.
 * Everything is double; a box lies inside the picture it was drawn for.
 * Crowson: MakeCutouts of CLIP Guided Diffusion. Russell: MakeCutouts of Quick
 * CLIP Guided Diffusion, on the picture with a border of zeros. */
#ifndef NJ_DIFFUSION_BOXES_H
#define NJ_DIFFUSION_BOXES_H

#include <stdbool.h>

/* Pixels; x and y of the top left corner. */
typedef struct nj_box {
    int x;
    int y;
    int w;
    int h;
} nj_box;

/* The picture that boxes are drawn in, its border included. */
typedef struct nj_canvas {
    int width;
    int height;
    int cut_size; /* side of CLIP's input */
} nj_canvas;

/* Power rule: size = floor(u0^cut_pow (max - min) + min) between the smaller
 * side and CLIP's input; u1 and u2 place it. Each u in (0,1). */
nj_box nj_box_crowson(const nj_canvas *in, double cut_pow, const double u[3]);

/* Normal rule: size = floor(max * clip(.8 + .3 normal, cut_size/max, 1)),
 * never below min(cut_size, max); u0 and u1 place it. */
nj_box nj_box_russell(const nj_canvas *in, double normal, const double u[2]);

/* Border of zeros around a picture of `height` rows, on all four sides. */
int nj_russell_border(int height);

/* Border of zeros on all four sides that leaves room to make a picture square,
 * and the square (or what is nearest to it) in the bordered picture: Disco's
 * overviews. */
int nj_disco_border(int width, int height);
nj_box nj_disco_square(int width, int height);

/* Whether cutout k (from 0) of cutn is the whole canvas, which takes no
 * draw. */
bool nj_russell_whole(int cutn, int k);

#endif
