import '../tokens.css';
