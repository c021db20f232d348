#include "net/parity.h"

int main(void) {
    return parity_main("base_model", PARITY_RELATIVE);
}
