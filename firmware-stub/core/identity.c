#include "core/identity.h"

const struct identity identity __attribute__((section(IDENTITY_SECTION), used)) = {
	.version = FW_VERSION,
	.git = FW_GIT,
	.toolchain = FW_TOOLCHAIN,
};
