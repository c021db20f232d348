/* Where a network's operations belong. */
#include "net/model.h"
#include "net/network_parts.h"

void fcl_network_operation_place(const char **layer, const char **part, const fcl_network *network, unsigned index) {
    const fcl_operation *wanted = network->operations[index];
    for (unsigned i = 0; i < network->model->n_layers; i++) {
        const fcl_layer_nodes *nodes = &network->layers[i];
        const struct {
            const fcl_node *node;
            const char *part;
        } parts[] = {{&nodes->forward, "forward"},
                     {&nodes->weights, "backward_weights"},
                     {&nodes->data[0], "backward_data"},
                     {&nodes->data[1], "backward_second_data"},
                     {&nodes->data_without, "backward_data_switched_off"}};
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
            if (parts[k].node->operation == wanted) {
                *layer = network->model->layers[i].name;
                *part = parts[k].part;
                return;
            }
    }
    *layer = "step";
    *part = fcl_op_kind_name(fcl_operation_desc(wanted)->kind);
}
