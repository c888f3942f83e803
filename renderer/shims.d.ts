// Element Plus ships its style entries without declarations
declare module 'element-plus/es/components/*/style/css'
