/* Events for containerd: one queue, in order, one at a time on the way. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* address: the path of containerd's ttrpc socket; NULL or "": events go nowhere. */
void publish_init(const char *address, const char *namespace);
/* topic: "/tasks/exit"; type: "TaskExit". Never blocks. */
void publish(const char *topic, const char *type, const ProtobufCMessage *event);
bool publish_is_idle(void);
