/* Names of ImageNet's 1000 classes, as the class-conditional networks number
 * them. The names are WordNet's, in models/imagenet_classes.txt, which is part
 * of the program.
 */
#ifndef NJ_JOB_CLASSES_H
#define NJ_JOB_CLASSES_H

#include "base/err.h"

/* Finds the class with that name (one of its synonyms, or its WordNet
 * identifier such as n02814860); case does not count and '_' is a blank.
 * NJ_E_USAGE says what was meant where that can be told: names that hold the
 * word, the numbers of classes that share the name, or the nearest name. */
nj_status nj_class_find(const char *name, int *id, nj_err *err) NJ_MUST_USE;

#endif
