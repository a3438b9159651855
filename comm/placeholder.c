typedef int comm_placeholder;
