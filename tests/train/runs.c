#include <check.h>
#include "support/support.h"
int main(void){return test_run(suite_create("x"));}
