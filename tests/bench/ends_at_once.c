/* The least program that a `lines` job can run: one number, the end, and out. */
#include <unistd.h>

int main(void)
{
	static const char text[] = "latency: 12.5 us\ndone\n";

	return write(STDOUT_FILENO, text, sizeof(text) - 1) != (ssize_t)(sizeof(text) - 1);
}
