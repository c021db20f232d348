#include "net/parity.h"

int main(void) {
    return parity_main("model_v1", PARITY_FLOAT32);
}
