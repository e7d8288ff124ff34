# frozen_string_literal: true

module WaterDrop
  class Config
    # Settings of WaterDrop 0.x (2016).
    module OldNames
      # What a pool of connections was set to.
      Pool = Struct.new(:logger) do
        %i[size timeout].each do |name|
          define_method(:"#{name}=") do |value|
            logger.warn("connection_pool.#{name} (#{value.inspect}) has no effect here: one producer serves all threads")
          end
        end
      end
      private_constant :Pool

      # @return [Boolean] false: what {Message#send!} cannot deliver is logged, not raised
      attr_accessor :raise_on_failure

      # @param value [Boolean]
      # @return [void]
      def send_messages=(value)
        self.deliver = value
      end

      # @return [Pool] takes `size` and `timeout`, which have no effect and say so
      def connection_pool
        Pool.new(logger)
      end

      # @!method connection_pool_size=(value)
      # @!method connection_pool_timeout=(value)
      #   No effect either.
      %i[size timeout].each do |name|
        define_method(:"connection_pool_#{name}=") do |value|
          connection_pool.public_send(:"#{name}=", value)
        end
      end

      # They stood here before they stood under `kafka`.
      %i[connect_timeout socket_timeout required_acks].each do |name|
        define_method(:"#{name}=") { |value| kafka.public_send(:"#{name}=", value) }
      end
    end
  end
end
